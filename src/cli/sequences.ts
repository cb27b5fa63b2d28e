import { extname } from 'node:path';
import type { Sound } from '../encoders/audio.js';
import { ConfigError, InputError } from '../errors.js';
import { createCsv } from './formats/csv.js';
import { isMissing, numbered, numberOf, type Row, show } from './formats/format.js';
import { createUtf16 } from './formats/utf16.js';
import { readGiven } from './given.js';
import { counted } from './numbers.js';

/** How files become sequences: stands in the checkpoint, so that another file is read as the first was. */
export interface ReadOptions {
  /** Of CSV: rows with one key are one sequence. Without it, a file is one sequence. */
  readonly key?: string;
  /** Of CSV: the column that each row should have said. */
  readonly target?: string;
  /** The columns that are inputs, in order. */
  readonly columns?: readonly string[];
  /** Of JSON lines: the field that holds the rows. */
  readonly inputs?: string;
  /** Of text: steps of a sequence. */
  readonly length?: number;
  /** Of CSV with labels: whether each row has its own, or all of a sequence the last. */
  readonly at?: 'last' | 'every';
  /** Of WAV files: where what is said stands. */
  readonly label?: 'name' | 'folder';
  /** Of WAV files: it is said part after part, and no frame has a label. */
  readonly spelled?: boolean;
}

/** A sequence as its file has it. */
export interface Raw {
  /** File and line where it begins. */
  readonly from: string;
  /** Rows of cells, or tokens. */
  readonly inputs: readonly (readonly unknown[] | number)[];
  /** As many as inputs; null for none. */
  readonly targets: readonly unknown[];
  /** Targets are names of classes: they came as labels, or are no numbers, or are the tokens that follow. */
  readonly named: boolean;
  /** In place of inputs, with one target for all of it. */
  readonly sound?: Sound;
  /** Targets are said in their order, wherever. */
  readonly unaligned?: boolean;
}

export interface RawFile {
  readonly kind: 'text' | 'tokens' | 'rows' | 'sound';
  /** What a file of this form can be told; all else means nothing to it. */
  readonly told: readonly (keyof ReadOptions)[];
  /** Names of the cells of a row. */
  readonly columns: readonly string[];
  /** Of a table whose inputs nobody named: columns that are none, as not all of their cells are numbers. */
  readonly leftOut?: readonly string[];
  readonly sequences: readonly Raw[];
}

/** @throws ConfigError, InputError naming the file and the line */
export async function readSequences(path: string, options: ReadOptions): Promise<RawFile> {
  const bytes = await readGiven(path, 'a file to learn from');
  switch (extname(path).toLowerCase()) {
    case '.ndjson':
    case '.jsonl':
    case '.json':
      return readLines(
        path,
        inUtf8(bytes)
          .toString()
          .replace(/^\uFEFF/, ''),
        options,
      );
    default:
      return isTable(path) ? readTable(path, inUtf8(bytes), options) : readText(path, bytes, options);
  }
}

/** By its name. */
export function isTable(path: string): boolean {
  return ['.csv', '.tsv'].includes(extname(path).toLowerCase());
}

/** Rows as Windows may write them: in UTF-16, with its mark. */
function inUtf8(bytes: Uint8Array): Buffer {
  const utf16 = createUtf16();
  return Buffer.concat([utf16.read(bytes), utf16.end()]);
}

/** Pieces of a text, each byte the target of the one before it. */
function readText(path: string, bytes: Uint8Array, { length = 128 }: ReadOptions): RawFile {
  const sequences: Raw[] = [];
  for (let at = 0; at + 1 < bytes.length; at += length) {
    const piece = Array.from(bytes.subarray(at, at + length + 1));
    if (piece.length > 1)
      sequences.push({ from: `${path}, byte ${at}`, inputs: piece.slice(0, -1), targets: piece.slice(1), named: true });
  }
  return { kind: 'text', told: ['length'], columns: [], sequences };
}

/** A sequence each line: inputs or tokens, and target, targets, label or labels. */
function readLines(path: string, text: string, { inputs: field = 'inputs' }: ReadOptions): RawFile {
  let tokens: boolean | undefined;
  let width: number | undefined;
  const sequences = text.split(/\r?\n/).flatMap((line, i): Raw[] => {
    if (line.trim() === '') return [];
    const from = `${path}:${i + 1}`;
    const wrong = (wanted: string, found: unknown): InputError =>
      new InputError(`Expected ${from} to ${wanted}, got ${show(found)}`);
    let record: Record<string, unknown>;
    try {
      record = JSON.parse(line);
    } catch {
      throw wrong('be JSON', line);
    }
    if (typeof record !== 'object' || record === null) throw wrong('be an object', record);
    tokens ??= Array.isArray(record.tokens);
    const list = tokens ? record.tokens : record[field];
    if (!Array.isArray(list) || list.length === 0)
      throw wrong(`have ${tokens ? 'tokens' : field}, a list of steps`, list);
    const steps = list.map((step: unknown) => {
      if (tokens) {
        if (!Number.isInteger(step) || (step as number) < 0) throw wrong('have integers from 0 as tokens', step);
        return step as number;
      }
      const row = Array.isArray(step) ? step : [step];
      width ??= row.length;
      if (row.length !== width) throw wrong(`have rows of ${counted(width, 'number')}`, row);
      return row as unknown[];
    });
    const last = (value: unknown): unknown[] => steps.map((_, t) => (t === steps.length - 1 ? value : null));
    const every = (values: unknown): unknown[] => {
      if (!Array.isArray(values) || values.length !== steps.length)
        throw wrong(`have ${counted(steps.length, 'target')}, one a step`, values);
      return values;
    };
    const { target, targets, label, labels } = record;
    if (label !== undefined) return [{ from, inputs: steps, targets: last(label), named: true }];
    if (labels !== undefined) return [{ from, inputs: steps, targets: every(labels), named: true }];
    if (targets !== undefined) return [{ from, inputs: steps, targets: every(targets), named: false }];
    if (target !== undefined)
      return [{ from, inputs: steps, targets: last(target), named: typeof target === 'string' }];
    if (!tokens) throw wrong('have a target, targets, label or labels', Object.keys(record));
    // Each token is the target of the one before it.
    return steps.length < 2 ? [] : [{ from, inputs: steps.slice(0, -1), targets: steps.slice(1), named: true }];
  });
  return { kind: tokens ? 'tokens' : 'rows', told: ['inputs'], columns: numbered(width ?? 0), sequences };
}

/** Rows, by their key. */
function readTable(path: string, bytes: Uint8Array, options: ReadOptions): RawFile {
  const { key, target } = options;
  if (target === undefined) throw new ConfigError(`Expected --target with ${path}: the column to learn`);
  const csv = createCsv();
  const found = [...csv.read(bytes), ...csv.end()];
  const rows: Row[] = found.map(row => {
    if ('malformed' in row) throw new InputError(`Expected ${path}:${row.line} to be a row, ${row.malformed}`);
    return row;
  });
  const names = csv.columns ?? [];
  const place = (name: string, option: string): number => {
    const at = names.indexOf(name);
    if (at < 0)
      throw new ConfigError(`Expected ${option} to name a column of ${path} (${names.join(', ')}), got ${show(name)}`);
    return at;
  };
  const keyAt = key === undefined ? -1 : place(key, '--key');
  const targetAt = place(target, '--target');
  const numeric = (at: number): boolean => rows.every(({ cells }) => numberOf(cells[at]) !== undefined);
  const free = names.filter((name, at) => name !== csv.unnamed && at !== keyAt && at !== targetAt);
  const columns = options.columns ?? free.filter(name => numeric(names.indexOf(name)));
  if (columns.length === 0) throw new InputError(`Expected ${path} to have a column of numbers besides its target`);
  const leftOut = free.filter(name => !columns.includes(name));
  const places = columns.map(name => place(name, '--columns'));
  const named = !numeric(targetAt);

  const streams = new Map<unknown, Row[]>();
  for (const row of rows) {
    const one = keyAt < 0 ? '' : row.cells[keyAt];
    const stream = streams.get(one);
    if (stream) stream.push(row);
    else streams.set(one, [row]);
  }
  const said = [...streams.values()].map(stream =>
    stream.map(({ cells }) => (isMissing(cells[targetAt]) ? null : cells[targetAt])),
  );
  const same = key !== undefined && said.every(one => one.every(cell => cell === one[0]));
  const last = options.at === undefined ? same : options.at === 'last';
  const sequences = [...streams.values()].map((stream, i) => ({
    from: `${path}:${stream[0].line}`,
    inputs: stream.map(({ cells }) => places.map(at => cells[at])),
    targets: said[i].map((cell, t) => (last && t < said[i].length - 1 ? null : cell)),
    named,
  }));
  const told = ['key', 'target', 'columns', 'at'] as const;
  return { kind: 'rows', told, columns, ...(options.columns ? {} : { leftOut }), sequences };
}
