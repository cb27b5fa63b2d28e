import { Observable, type OperatorFunction } from 'rxjs';
import type { Encoded, Encoder } from '../encoders/encoder.js';
import { expect, kindOf } from '../errors.js';
import { follow } from './follow.js';

/**
 * Turns live data into inputs.
 *
 * It's like `concatMap`, with what the encoder remembers between the pieces: a piece gives none, one or many inputs. At
 * completion what still waited for its rest leaves too. Errors with `InputError` at a piece that is wrong.
 *
 * @param encoder shared by all who use it
 * @param state to go on from; the encoder's first one if it is left out
 * @throws ConfigError, at once, if the encoder is none
 *
 * @example
 * of('hel', 'lo').pipe(encode(createEncoder({ kind: 'bytes' }))).subscribe(...)   // 104, 101, 108, 108, 111
 */
export function encode<Raw, State, In extends Encoded>(
  encoder: Encoder<Raw, State, In>,
  state?: State,
): OperatorFunction<Raw, In> {
  expect(typeof encoder?.encode === 'function', 'encoder', 'what createEncoder returns', kindOf(encoder));
  const first = state ?? encoder.initial();
  return source =>
    new Observable(subscriber => {
      let current = first;
      const emit = (inputs: readonly In[]): void => {
        for (const input of inputs) subscriber.next(input);
      };
      follow(source, subscriber, {
        next(raw) {
          const encoded = encoder.encode(current, raw);
          current = encoded.state;
          emit(encoded.inputs);
        },
        complete: () => emit(encoder.finish(current)),
      });
    });
}
