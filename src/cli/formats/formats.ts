import type { AudioConfig } from '../../encoders/audio.js';
import { createCsv } from './csv.js';
import { detectFormat } from './detect.js';
import { createF32 } from './f32.js';
import type { FormatName, Malformed, Row } from './format.js';
import { createNdjson } from './ndjson.js';
import { createSoundFormat, type SoundFormat } from './sound.js';
import { createTable } from './table.js';
import { createUtf16 } from './utf16.js';

/** A token, a row, or a line that is neither. */
export type Frame = number | Row | Malformed;

/** Reads frames out of chunks of bytes that are cut anywhere. */
export interface Format {
  /** Undefined until it is known. */
  readonly name: FormatName | undefined;
  /** Names of the columns of rows: known once the first row is there. */
  readonly columns: readonly string[] | undefined;
  /** As of a `RowFormat`. */
  readonly unnamed?: string;
  read(chunk: Uint8Array): readonly Frame[];
  end(): readonly Frame[];
}

export interface FormatOptions {
  /** Numbers in a row of `f32`. */
  readonly features?: number;
  readonly delimiter?: string;
  /** Columns that were asked for: a record of JSON may have them though the first has not. */
  readonly asked?: readonly string[];
  /** The network takes rows: a single line without a number is their heading, and no text. */
  readonly rows?: boolean;
  /** Of a network that hears: its encoder, and samples a second of bare samples. */
  readonly sound?: { readonly encoder: AudioConfig; readonly rate?: number };
  /** Tokens of text; bytes are taken as they are. */
  readonly encode: { read(chunk: Uint8Array): readonly number[]; end(): readonly number[] };
}

/** @param name left out: as the beginning of the input looks */
export function createFormat(name: FormatName | undefined, options: FormatOptions): Format {
  const make = (known: FormatName): Omit<Format, 'name'> => {
    const { sound } = options;
    if (sound) return createSoundFormat(known as SoundFormat, sound.encoder, sound.rate);
    if (known === 'csv') return createCsv(options.delimiter);
    if (known === 'table') return createTable();
    if (known === 'ndjson') return createNdjson(options.asked);
    if (known === 'f32') return createF32(options.features!);
    const tokens =
      known === 'text' ? options.encode : { read: (chunk: Uint8Array) => Array.from(chunk), end: () => [] };
    return { columns: undefined, ...tokens };
  };
  let format = name === undefined ? undefined : make(name);
  let found = name;
  let held = Buffer.alloc(0);
  const utf16 =
    name === undefined || name === 'csv' || name === 'table' || name === 'ndjson' ? createUtf16() : undefined;

  const settle = (ended: boolean): readonly Frame[] => {
    const text = held.toString('utf8');
    found = detectFormat(text, ended);
    if (ended && found === 'text' && options.rows && !text.trim().includes('\n')) found = 'csv';
    if (found === undefined) return [];
    format = make(found);
    const frames = format.read(held);
    held = Buffer.alloc(0);
    return frames;
  };

  const take = (chunk: Uint8Array): readonly Frame[] => {
    if (format) return format.read(chunk);
    held = Buffer.concat([held, chunk]);
    return settle(false);
  };

  return {
    get name() {
      return found;
    },
    get columns() {
      return format?.columns;
    },
    get unnamed() {
      return format?.unnamed;
    },
    read: chunk => take(utf16 ? utf16.read(chunk) : chunk),
    end() {
      const last = utf16?.end();
      const frames = last?.length ? [...take(last)] : [];
      if (!format) frames.push(...settle(true));
      return [...frames, ...(format?.end() ?? [])];
    },
  };
}
