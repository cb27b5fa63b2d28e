import { InputError } from '../errors.js';
import type { Assembly, Plan } from './assemble.js';
import { type RowFrame, readColumns } from './columns.js';
import type { Malformed, Row } from './formats/format.js';
import { isMalformed } from './input.js';
import type { Item } from './pipeline.js';
import type { Recorder } from './record.js';
import type { Told } from './told.js';
import { createUntaught } from './untaught.js';

/**
 * One frame after the other into the network: each is written down, counted and applied, or told as malformed.
 *
 * @param names of the columns of rows; undefined for tokens
 * @param named those of them that somebody named
 */
export function createApplying(
  { task, pipeline }: Assembly,
  { columns, trainer, asIs }: Plan,
  names: readonly string[] | undefined,
  named: readonly string[],
  recorder: Recorder | undefined,
  told: Told,
  say: (text: string) => void,
): (raw: number | Row) => Malformed | undefined {
  const read = columns && readColumns(names!, columns, asIs ? names : named);
  const see = columns && trainer && createUntaught(columns.targets, told, say);
  return raw => {
    const frame = read ? read(raw as Row) : (raw as number);
    if (isMalformed(frame)) return frame;
    let items: readonly Item[];
    try {
      items = task.items(frame as number | RowFrame);
    } catch (error) {
      // As a time that goes back: the row alone is wrong.
      if (error instanceof InputError && read) return { line: (raw as Row).line, malformed: error.message };
      throw error;
    }
    told.steps++;
    see?.((frame as RowFrame).targets);
    recorder?.frame(task.write(frame as number | RowFrame));
    for (const item of items) pipeline.apply(item);
    return undefined;
  };
}
