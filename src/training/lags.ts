import { ConfigError } from '../errors.js';
import { checkTrainer, type Trainer } from './trainer.js';
import { checkWindows, type Window } from './window.js';

/**
 * How far back a loss reaches: ∂L(T)/∂carry(T − j) for j = 1, 2, ..., T, where L(T) is the loss of the window's last step, stepped
 * from the window's carry with the weights as they are now. Their norms are what vanishes or explodes (Bengio et al. 1994; Pascanu et
 * al. 2013). Nothing moves.
 *
 * Costs T² / 2 steps forward and back: for looking, at short windows.
 *
 * @returns (carryLayout.size) for each j, in order
 * @throws ConfigError if it is no trainer or no window, or the last step has no target
 */
export function gradientsByLag(trainer: Trainer, window: Window): Float32Array[] {
  checkTrainer(trainer);
  checkWindows([window]);
  const { carry, inputs, targets } = window;
  const target = targets[inputs.length - 1] ?? null;
  if (target === null) throw new ConfigError('Expected the last step of the window to have a target, got none');
  let current = carry;
  const windows = inputs.map((input, t): Window => {
    const before = current;
    current = trainer.model.step(before, input).carry;
    const rest = inputs.slice(t);
    return { carry: before, inputs: rest, targets: rest.map((_, i) => (i === rest.length - 1 ? target : null)) };
  });
  // Of the mean over so many windows, which all have the same loss.
  const { length } = windows;
  return trainer
    .gradients(windows)
    .carries.map(gradient => gradient.map(value => value * length))
    .reverse();
}
