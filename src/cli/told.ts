import { InputError } from '../errors.js';
import type { Malformed } from './formats/format.js';
import { describeBounds } from './guarded.js';
import { counted, countedLong } from './numbers.js';
import type { Overflow } from './source.js';

/** What a run has come to so far. */
export interface Told {
  steps: number;
  /** Steps whose predictions are there. */
  answered: number;
  updates: number;
  /** Lines that could not be read. */
  skipped: number;
  /** Rows with a target that is missing, where there is a learner. */
  untaught: number;
  /** Inputs that a guard brought down. */
  limited: number;
  /** Updates that a guard shortened. */
  shortened: number;
}

export function createTold(): Told {
  return { steps: 0, answered: 0, updates: 0, skipped: 0, untaught: 0, limited: 0, shortened: 0 };
}

/** Passes over a line that cannot be read, or ends the run with InputError. */
export function createSkipping(onError: 'skip' | 'stop', told: Told, say: (text: string) => void) {
  return ({ line, malformed }: Malformed): void => {
    if (onError === 'stop') {
      throw new InputError(`Line ${line}: ${malformed}. Mend it, or pass it over with --on-error skip`);
    }
    told.skipped++;
    say(`line ${line}: ${malformed}: skipped`);
  };
}

export interface Ending {
  /** How far it came and how well it went; left out where nobody looks. */
  readonly progress?: readonly string[];
  readonly dropped: number;
  readonly overflow: Overflow;
  /** Where it is saved, if that is to be said. */
  readonly saved?: string;
}

/** What is said of a run that has ended; nothing where there was nothing unusual. */
export function lastWords({ steps, skipped, untaught, limited, shortened }: Told, ending: Ending): string | undefined {
  const { progress, dropped, overflow, saved } = ending;
  const parts = [
    ...(progress ? [countedLong(steps, 'step'), ...progress] : []),
    ...(dropped > 0 ? [`${counted(dropped, 'frame')} dropped (--overflow ${overflow})`] : []),
    ...(skipped > 0 ? [`${counted(skipped, 'line')} skipped`] : []),
    ...(untaught > 0 ? [`${counted(untaught, 'row')} taught nothing, as a target was missing`] : []),
    ...describeBounds(limited, shortened),
    ...(saved === undefined ? [] : [`saved as ${saved}`]),
  ];
  return parts.length > 0 ? parts.join(' · ') : undefined;
}
