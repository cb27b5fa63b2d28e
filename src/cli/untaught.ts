import { listed } from './columns.js';
import type { Told } from './told.js';

/** Rows one after the other. */
const many = 100;

/**
 * Counts the rows that teach nothing since a target of theirs is missing, and says once where many come one after the other.
 *
 * @param names of the targets
 * @returns to be called with the targets of each row, NaN where one is missing
 */
export function createUntaught(names: readonly string[], told: Told, say: (text: string) => void) {
  let rows = 0;
  /** Missing in all of them. */
  let missing = names;
  let said = false;
  return (targets: Float64Array): void => {
    if (!targets.some(Number.isNaN)) {
      rows = 0;
      missing = names;
      return;
    }
    told.untaught++;
    if (said) return;
    rows++;
    missing = missing.filter(name => Number.isNaN(targets[names.indexOf(name)]));
    if (rows < many) return;
    said = true;
    const way =
      missing.length === 0
        ? 'in each a target is missing: --target names those that come together'
        : missing.length < names.length
          ? `${listed(missing)} is missing in each: leave it out with --ignore, or name the others with --target`
          : 'all targets are missing in each';
    say(`the newest ${many} rows taught nothing: ${way}`);
  };
}
