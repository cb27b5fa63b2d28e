import { expect, expectKnown } from '../errors.js';

/** When a learner goes back to what it was, and how it goes on from there. */
export interface GuardOptions {
  /** An update this many times longer than usual for its gradient is shortened to the usual. Default 8; `Infinity` for never. */
  readonly longest?: number;
  /** An element of an input this many times larger than inputs usually are is brought down to that. Default 8; `Infinity` for never. */
  readonly largest?: number;
  /**
   * The learner goes back when it did worse than its last good snapshot by this much in all, in mean deviations of the loss;
   * by two fifths of it while its learning rate is below a quarter. Default 10.
   */
  readonly leap?: number;
  /** Updates that a snapshot must have been held against, before the next one is taken; also the updates before anything is. Default 100. */
  readonly every?: number;
  /** Factor on the learning rate at each rollback. Default 0.5. */
  readonly lower?: number;
  /** Factor on a lowered learning rate at each update, until it is whole again. Default 1.003, doubled in 231 updates. */
  readonly recover?: number;
  /** The learning rate never falls below this part of its own. Default 1/128. */
  readonly least?: number;
  /** Largest spectral norm of the recurrent matrix of a ReLU layer whose state grows. Default 2. */
  readonly maxNorm?: number;
  /** Rollbacks in a row, without a snapshot between; one more is a `DivergenceError`. Default 100. */
  readonly maxRollbacks?: number;
}

const defaults: Required<GuardOptions> = {
  longest: 8,
  largest: 8,
  leap: 10,
  every: 100,
  lower: 0.5,
  recover: 1.003,
  least: 1 / 128,
  maxNorm: 2,
  maxRollbacks: 100,
};

/** @throws ConfigError naming the option that is wrong */
export function checkGuard(options: GuardOptions): Required<GuardOptions> {
  expect(typeof options === 'object' && options !== null, 'guard', 'an object', options);
  expectKnown('an option of guard', options, Object.keys(defaults));
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== null);
  const full = { ...defaults, ...Object.fromEntries(given) };
  const { longest, largest, leap, every, lower, recover, least, maxNorm, maxRollbacks } = full;
  expect(longest >= 1, 'guard.longest', 'a number from 1', longest);
  expect(largest >= 1, 'guard.largest', 'a number from 1', largest);
  expect(leap > 0 && Number.isFinite(leap), 'guard.leap', 'a positive number', leap);
  expect(Number.isInteger(every) && every >= 1, 'guard.every', 'an integer from 1', every);
  expect(lower > 0 && lower <= 1, 'guard.lower', 'above 0 and at most 1', lower);
  expect(recover >= 1 && Number.isFinite(recover), 'guard.recover', 'a number from 1', recover);
  expect(least > 0 && least <= 1, 'guard.least', 'above 0 and at most 1', least);
  expect(maxNorm > 0 && Number.isFinite(maxNorm), 'guard.maxNorm', 'a positive number', maxNorm);
  expect(Number.isInteger(maxRollbacks) && maxRollbacks >= 1, 'guard.maxRollbacks', 'an integer from 1', maxRollbacks);
  return full;
}
