import { CheckpointError } from '../errors.js';

/** What the header says of one tensor, before anything is checked against the file. */
export interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte and first byte after, counted from the end of the header. */
  readonly offsets: readonly [number, number];
}

export interface Header {
  readonly metadata: Record<string, string>;
  readonly entries: Map<string, HeaderEntry>;
}

/** The name under which the format keeps its string pairs; no tensor can have it. */
export const metadataKey = '__metadata__';

const longestQuote = 80;

/** A name from a file, quoted and cut short, so that a hostile one cannot flood a message. */
export function quote(name: string): string {
  return JSON.stringify(name.length > longestQuote ? `${name.slice(0, longestQuote)}…` : name);
}

/** Whether a string holds half a surrogate pair, which no UTF-8 text can. */
export function hasLoneSurrogate(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

/**
 * Reads the JSON header of a safetensors file.
 *
 * It reads this one grammar and no other JSON, so nesting cannot grow, a key that comes twice is seen (`JSON.parse` keeps
 * the last in silence), and names like `__proto__` are names like any other.
 *
 * @throws CheckpointError that says what was expected at which character.
 */
export function parseHeader(text: string): Header {
  let at = 0;
  let tensor: string | undefined;

  function refuse(expected: string, found: string): never {
    const where = tensor === undefined ? '' : `, in tensor ${quote(tensor)}`;
    throw new CheckpointError(`Expected the safetensors header to have ${expected}${where}, got ${found}`);
  }

  function fail(expected: string): never {
    refuse(`${expected} at character ${at}`, at < text.length ? quote(text.slice(at, at + 12)) : 'its end');
  }

  function peek(): string {
    while (at < text.length && ' \t\n\r'.includes(text[at])) at += 1;
    return text[at] ?? '';
  }

  function take(mark: string): void {
    if (peek() !== mark) fail(`'${mark}'`);
    at += 1;
  }

  function string(what: string): string {
    if (peek() !== '"') fail(`${what} in quotes`);
    const start = at;
    let end = at + 1;
    while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
    let value: string;
    try {
      value = JSON.parse(text.slice(start, end + 1)) as string;
    } catch {
      return fail(`${what} as a JSON string`);
    }
    if (hasLoneSurrogate(value)) fail(`${what} as well-formed Unicode`);
    at = end + 1;
    return value;
  }

  function natural(what: string): number {
    peek();
    let end = at;
    while (end < text.length && text[end] >= '0' && text[end] <= '9') end += 1;
    const digits = end - at;
    const value = digits > 0 && digits <= 16 ? Number(text.slice(at, end)) : Number.NaN;
    if (!Number.isSafeInteger(value) || (digits > 1 && text[at] === '0')) fail(`${what} (a whole number below 2^53)`);
    at = end;
    return value;
  }

  /** Reads `open item, item, ... close`; an empty list is one too. */
  function list(open: string, close: string, item: () => void): void {
    take(open);
    if (peek() === close) {
      at += 1;
      return;
    }
    for (;;) {
      item();
      if (peek() !== ',') break;
      at += 1;
    }
    take(close);
  }

  function fields(what: string, field: (key: string) => void): void {
    const seen = new Set<string>();
    list('{', '}', () => {
      const key = string(`the name of ${what}`);
      if (seen.has(key)) refuse(`each name of ${what} once`, `${quote(key)} twice`);
      seen.add(key);
      take(':');
      field(key);
    });
  }

  function naturals(what: string): number[] {
    const values: number[] = [];
    list('[', ']', () => values.push(natural(what)));
    return values;
  }

  function entry(): HeaderEntry {
    let dtype: string | undefined;
    let shape: number[] | undefined;
    let offsets: number[] | undefined;
    fields('a field', key => {
      if (key === 'dtype') dtype = string('a dtype');
      else if (key === 'shape') shape = naturals('a size');
      else if (key === 'data_offsets') offsets = naturals('an offset');
      else refuse('the fields dtype, shape and data_offsets', quote(key));
    });
    if (dtype === undefined) refuse('a dtype', 'none');
    if (shape === undefined) refuse('a shape', 'none');
    if (offsets?.length !== 2) refuse('two data_offsets', `${offsets?.length ?? 'none'}`);
    return { dtype, shape, offsets: [offsets[0], offsets[1]] };
  }

  const metadata: Record<string, string> = Object.create(null);
  const entries = new Map<string, HeaderEntry>();
  // The format has the brace first; blanks may only follow the header, as padding.
  if (text[0] !== '{') fail("'{'");
  fields('a tensor', name => {
    if (name === metadataKey) {
      fields('a metadata entry', key => {
        metadata[key] = string('a metadata entry');
      });
      return;
    }
    tensor = name;
    entries.set(name, entry());
    tensor = undefined;
  });
  if (peek() !== '') fail('only blanks');
  return { metadata, entries };
}
