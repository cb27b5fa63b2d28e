import { InputError } from '../errors.js';

/** A channel of a trace format. */
export interface Channel {
  readonly name: string;
  readonly most?: number;
  readonly units?: string;
  /** It grows the other way: to the left, upward. */
  readonly reversed?: boolean;
}

type Mode = '!' | "'" | '"';

const token = /\s*(?:([!'"])\s*)?(-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|#[0-9a-fA-F]+|[*?TF])/y;

/**
 * The points of a trace (InkML, section 3.2.1): a value for each channel, undefined where there is none. A value after `!` stands for
 * itself, after `'` for how far the channel moves, after `"` for how much that changes, and so do those after it; `*` is as before,
 * `?` no value.
 *
 * @throws InputError naming the point
 */
export function decodeTrace(text: string, channels: readonly Channel[]): (number | undefined)[][] {
  if (text.trim() === '') return [];
  const modes: Mode[] = channels.map(() => '!');
  const values = channels.map((): number | undefined => undefined);
  const moves = channels.map(() => 0);
  const turns = channels.map(() => 0);

  const take = (i: number, mark: string | undefined, word: string, wrong: () => InputError): void => {
    if (mark !== undefined) modes[i] = mark as Mode;
    if (word === '?') {
      values[i] = undefined;
      return;
    }
    const before = values[i];
    const same = word === '*';
    const number = same ? 0 : numberOf(word);
    if (modes[i] === '!') {
      if (same && before === undefined) throw wrong();
      values[i] = same ? before : number;
      moves[i] = before === undefined ? 0 : values[i]! - before;
      return;
    }
    if (before === undefined) throw wrong();
    if (!same && modes[i] === '"') turns[i] = number;
    const move: number = modes[i] === '"' ? moves[i] + turns[i] : same ? moves[i] : number;
    moves[i] = move;
    values[i] = before + move;
  };

  return text
    .replace(/,\s*$/, '')
    .split(',')
    .map((given, n) => {
      const point = given.trim();
      const wrong = (): InputError =>
        new InputError(
          `Expected point ${n + 1} of a trace to be values of ${channels.map(({ name }) => name).join(' ')}, got ${point.slice(0, 60)}`,
        );
      token.lastIndex = 0;
      let count = 0;
      for (let match = token.exec(point); match; match = token.exec(point)) {
        if (count === channels.length) throw wrong();
        take(count, match[1], match[2], wrong);
        count++;
        if (token.lastIndex === point.length) break;
      }
      // Those that follow may be left out: channels that come now and then.
      if (count === 0 || token.lastIndex === 0) throw wrong();
      return values.map((value, i) => (i < count ? value : undefined));
    });
}

function numberOf(word: string): number {
  if (word === 'T') return 1;
  if (word === 'F') return 0;
  return word.startsWith('#') ? Number.parseInt(word.slice(1), 16) : Number(word);
}
