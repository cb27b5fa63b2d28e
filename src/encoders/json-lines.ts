import { InputError } from '../errors.js';

/** Characters of one line at most. */
const longest = 1 << 16;

/**
 * The records of the lines that a piece of text completes, and the line that is not complete yet. Blank lines are none.
 *
 * @throws InputError if a line is not JSON, or is longer than 65,536 characters
 */
export function splitRecords(pending: string, text: string): { records: unknown[]; pending: string } {
  const lines = (pending + text).split('\n');
  // Whether its end has come or not: where the text is cut makes no difference.
  const wrong = lines.find(line => line.length > longest);
  if (wrong !== undefined)
    throw new InputError(`Expected lines of at most ${longest} characters, got one of ${wrong.length}`);
  const rest = lines.pop()!;
  return { records: lines.flatMap(parseLine), pending: rest };
}

/** Whether it can be a line that is not complete yet. */
export function isPending(text: unknown): text is string {
  return typeof text === 'string' && text.length <= longest && !text.includes('\n');
}

/** The record of a line; none if the line is blank. */
export function parseLine(line: string): unknown[] {
  if (line.trim() === '') return [];
  try {
    return [JSON.parse(line)];
  } catch {
    const shown = line.length > 40 ? `${line.slice(0, 40)}…` : line;
    throw new InputError(`Expected a line of JSON, got ${JSON.stringify(shown)}`);
  }
}
