import { expect } from '../errors.js';
import { refuseOthers } from './settings.js';

/**
 * How the learning rate changes with updates t = 1, 2, ...: a factor on `rate`, from + − × ÷ √ alone.
 *
 * - `constant`: 1.
 * - `inverse-sqrt`: 1 / √(1 + (t − 1) / period); `until` freezes it after that many updates.
 * - `linear`: falls from 1 to `final` (default 0) over `steps` updates, and stays there.
 *
 * With `warmup`, the factor also rises from 1 / warmup to 1 over that many updates.
 */
export type Schedule = { readonly warmup?: number } & (
  | { readonly kind: 'constant' }
  | { readonly kind: 'inverse-sqrt'; readonly period: number; readonly until?: number }
  | { readonly kind: 'linear'; readonly steps: number; readonly final?: number }
);

/** The factor of update t, counted from 1. */
export function scheduleFactor(schedule: Schedule, t: number): number {
  const { warmup = 0 } = schedule;
  const rise = t < warmup ? t / warmup : 1;
  if (schedule.kind === 'inverse-sqrt') {
    const { period, until = Number.POSITIVE_INFINITY } = schedule;
    return rise / Math.sqrt(1 + (Math.min(t, until) - 1) / period);
  }
  if (schedule.kind === 'linear') {
    const { steps, final = 0 } = schedule;
    return rise * Math.max(final, 1 - ((1 - final) * (t - 1)) / steps);
  }
  return rise;
}

/** @throws ConfigError naming the setting that is wrong */
export function checkSchedule(schedule: Schedule): Schedule {
  const { kind, warmup = 0 } = schedule;
  expect(Number.isInteger(warmup) && warmup >= 0, 'schedule.warmup', 'an integer from 0', warmup);
  if (kind === 'inverse-sqrt') {
    const { period, until = 1 } = schedule;
    expect(period > 0 && Number.isFinite(period), 'schedule.period', 'a positive number', period);
    expect(until >= 1, 'schedule.until', 'a number from 1', until);
  } else if (kind === 'linear') {
    const { steps, final = 0 } = schedule;
    expect(steps >= 1 && Number.isFinite(steps), 'schedule.steps', 'a number from 1', steps);
    expect(final >= 0 && final <= 1, 'schedule.final', 'from 0 to 1', final);
  } else expect(kind === 'constant', 'schedule.kind', "'constant', 'inverse-sqrt' or 'linear'", kind);
  refuseOthers('schedule', schedule, ['kind', 'warmup', ...settings[kind]]);
  return schedule;
}

/** What each kind has besides `warmup`. */
const settings: Readonly<Record<Schedule['kind'], readonly string[]>> = {
  constant: [],
  'inverse-sqrt': ['period', 'until'],
  linear: ['steps', 'final'],
};
