import { writeWhole } from '../server/whole.js';
import type { Assembly } from './assemble.js';
import { reasonOf } from './failure.js';

/** Where a learner is kept, if it is. */
export interface Saving {
  save(): void;
  /** Saves where that many steps make it due. */
  after(steps: number): void;
  failed(reason: string): void;
  /** Saves, and says it where that fails. */
  try(): void;
}

/**
 * @param path where to; undefined: nothing is kept
 * @param every how many steps it is saved on the way; undefined: at the end alone
 * @param keyed there are several streams, told apart by their keys
 */
export function createSaving(
  assembly: Assembly,
  { path, every, keyed }: { readonly path?: string; readonly every?: number; readonly keyed: boolean },
  say: (text: string) => void,
): Saving {
  const save = (): void => {
    if (path === undefined) return;
    const { bytes, lost } = assembly.save();
    writeWhole(path, bytes);
    const streams = keyed ? `stream ${lost.join(', ')}` : 'the stream';
    if (lost.length > 0) say(`the carry of ${streams} is no finite number any more: with --resume it begins again`);
  };
  const failed = (reason: string): void => say(`not saved as ${path}: ${reason}`);
  return {
    save,
    after(steps) {
      if (every !== undefined && steps % every === 0) save();
    },
    failed,
    try() {
      try {
        save();
      } catch (error) {
        failed(reasonOf(error));
      }
    },
  };
}
