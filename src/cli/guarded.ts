import type { Rollback } from '../training/guard.js';
import { counted } from './numbers.js';

/** Why a guard went back, as a person is told. */
const reasons = {
  leap: 'the network has become worse',
  'not finite': 'the loss is no number',
  'not-finite': 'the loss is no number',
  norm: 'the state of the network grows',
  unknown: 'learning went wrong',
} as const;

interface Told {
  /** Undefined where a newer server has another. */
  readonly reason?: Rollback['reason'] | 'not-finite';
  readonly lost: number;
  readonly rate: number;
}

/** What a guard did, as the library or the wire names it. */
export function describeRollback({ reason, lost, rate }: Told): string {
  return `${reasons[reason ?? 'unknown']}: back by ${counted(lost, 'update')}, learning rate × ${Number(rate.toPrecision(2))}`;
}

/** What a guard did without going back: nothing where it had nothing to do. */
export function describeBounds(limitedInputs: number, shortenedUpdates: number): string[] {
  return [
    ...(limitedInputs > 0 ? [`${counted(limitedInputs, 'input')} brought down`] : []),
    ...(shortenedUpdates > 0 ? [`${counted(shortenedUpdates, 'update')} shortened`] : []),
  ];
}
