import { StringDecoder } from 'node:string_decoder';

/** A line of text and its number, counted from 1. */
export interface Line {
  readonly line: number;
  readonly text: string;
}

/** The longest line that is kept: a source without line ends must not fill the memory. */
export const longestLine = 1 << 20;

/** Cuts chunks of UTF-8 into lines (`\n` or `\r\n`); a longer line than `longestLine` comes cut, with `\0` at its end. */
export function createLines(): { read(chunk: Uint8Array): Line[]; end(): Line[] } {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let line = 0;
  let skipping = false;

  const take = (text: string, ended: boolean): Line[] => {
    const parts = (rest + text).split('\n');
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
      lines.push({ line, text: whole.length > longestLine ? `${whole.slice(0, 80)}\0` : whole });
    }
    if (skipping) rest = '';
    else if (rest.length > longestLine) {
      line++;
      lines.push({ line, text: `${rest.slice(0, 80)}\0` });
      rest = '';
      skipping = true;
    }
    return lines;
  };

  return {
    read: chunk => take(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)), false),
    end: () => take(decoder.end(), true),
  };
}

export function isTooLong(line: Line): boolean {
  return line.text.endsWith('\0');
}
