import type { Malformed, Row, RowFormat } from './format.js';

/** A line of text and its number, counted from 1. */
export interface Line {
  readonly line: number;
  readonly text: string;
  /** There was more of it, and it was cut. */
  readonly tooLong?: true;
}

/** The longest line that is kept: a source without line ends must not fill the memory. */
export const longestLine = 1 << 20;

/** Cuts chunks of UTF-8 into lines (`\n` or `\r\n`, or `\r` where the first one ends so); a longer line than `longestLine` comes cut. */
export function createLines(): { read(chunk: Uint8Array): Line[]; end(): Line[] } {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let rest = '';
  let line = 0;
  let skipping = false;
  let lineEnd: string | undefined;

  const take = (text: string, ended: boolean): Line[] => {
    const all = rest + text;
    lineEnd ??= lineEndOf(all);
    const parts = all.split(lineEnd ?? '\n');
    rest = ended ? '' : parts.pop()!;
    if (ended && parts[parts.length - 1] === '') parts.pop();
    const lines: Line[] = [];
    for (const part of parts) {
      if (skipping) {
        skipping = false;
        continue;
      }
      line++;
      const whole = part.endsWith('\r') ? part.slice(0, -1) : part;
      lines.push(whole.length > longestLine ? cut(line, whole) : { line, text: whole });
    }
    if (skipping) rest = '';
    else if (rest.length > longestLine) {
      line++;
      lines.push(cut(line, rest));
      rest = '';
      skipping = true;
    }
    return lines;
  };

  return {
    read: chunk => take(decoder.decode(chunk, { stream: true }), false),
    end: () => take(decoder.decode(), true),
  };
}

/** How the first line of a text ends; undefined where that has not come. */
export function lineEndOf(text: string): '\n' | '\r' | undefined {
  const found = /\r?\n|\r(?=[\s\S])/.exec(text)?.[0];
  if (found === undefined) return undefined;
  return found === '\r' ? '\r' : '\n';
}

/** Rows of lines, each by itself: what `convert` makes of one, or nothing. */
export function readLines(convert: (line: Line) => Row | Malformed | undefined): Pick<RowFormat, 'read' | 'end'> {
  const lines = createLines();
  const take = (some: readonly Line[]): (Row | Malformed)[] =>
    some.flatMap(one => (one.tooLong ? tooLong(one) : (convert(one) ?? [])));
  return { read: chunk => take(lines.read(chunk)), end: () => take(lines.end()) };
}

export function tooLong({ line }: Line): Malformed {
  return { line, malformed: 'the line is too long' };
}

function cut(line: number, text: string): Line {
  return { line, text: text.slice(0, 80), tooLong: true };
}
