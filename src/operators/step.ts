import { defer, map, type OperatorFunction } from 'rxjs';
import { type Carry, checkCarry } from '../model/carry.js';
import type { Input } from '../model/input.js';
import { checkModel, type Model } from '../model/model.js';
import type { Step } from '../model/transfer.js';

/**
 * Steps the network with each input, and emits what it says.
 *
 * It's like `scan`, with the network as accumulator: (o(t), ŷ(t), h(t)) = step(h(t − 1), x(t)).
 *
 * Every subscription begins with the given carry. Errors with `InputError` at an input of another kind or shape, out of
 * range, or not finite.
 *
 * @param model shared by all who step it
 * @param carry (carryLayout.size) to go on from; zeros if it is left out
 * @throws ConfigError, at once, if the model is none; InputError if the carry has another length
 *
 * @example
 * of(xs[0], xs[1]).pipe(step(model)).subscribe(({ prediction }) => console.log(prediction));
 */
export function step<In extends Input = Input>(model: Model<In>, carry?: Carry): OperatorFunction<In, Step> {
  checkModel(model);
  if (carry !== undefined) checkCarry(model.carryLayout, carry);
  const first = carry?.slice() ?? model.zeroCarry();
  return source =>
    defer(() => {
      let current: Carry = first;
      return source.pipe(
        map(input => {
          const result = model.step(current, input);
          current = result.carry;
          return result;
        }),
      );
    });
}
