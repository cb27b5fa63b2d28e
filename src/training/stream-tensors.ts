import { CheckpointError } from '../errors.js';
import { trainerPrefix } from '../model/checkpoint.js';
import type { Input } from '../model/input.js';
import type { TrainableModel } from '../model/model.js';
import { outputs, outputWidth } from '../model/outputs.js';
import { doubles, floats, octets, type Tensor, tensorOf, words } from '../model/tensor.js';
import type { Target } from './loss.js';
import type { Entry, StreamState } from './stream.js';

/** What is written of an entry besides its numbers. */
const marks = { input: 1, targetIsNull: 2, targetIsNumber: 4, targetIsRow: 8, fresh: 16, unread: 32 } as const;

const nameOf = (part: string): string => `${trainerPrefix}streams.${part}`;

/** Numbers of each kind in one entry. */
function widthsOf({ config, carryLayout }: TrainableModel) {
  const { input, output } = config;
  return {
    carry: carryLayout.size,
    input: input.kind === 'token' ? 1 : input.size,
    output: outputWidth(output),
    // ŷ(t) may be o(t) itself.
    prediction: outputs[output.kind].predict === undefined ? 0 : outputWidth(output),
    target: outputs[output.kind].targetWidth ?? output.size,
  };
}

/**
 * The states of streams as few tensors, whatever their number: what belongs to a stream in rows of streams, what belongs to a
 * step in rows of entries, stream after stream.
 */
export function streamTensors(model: TrainableModel, states: readonly StreamState[]): Map<string, Tensor> {
  const widths = widthsOf(model);
  const entries = states.flatMap(state => state.entries);
  const counts = states.flatMap(({ steps, updated, entries: own }) => [steps, updated, own.length]);

  const rows = (list: readonly (ArrayLike<number> | null)[], width: number): Tensor => {
    const values = new Float32Array(list.length * width);
    list.forEach((row, i) => {
      if (row) values.set(row, i * width);
    });
    return tensorOf(values, [list.length, width]);
  };
  // Tokens, classes and single values are doubles: all of them exact.
  const targets = new Float64Array(entries.length * widths.target);
  entries.forEach(({ target }, i) => {
    if (typeof target === 'number') targets[i * widths.target] = target;
    else if (target) targets.set(target, i * widths.target);
  });
  const listOf = (input: Input | null): ArrayLike<number> | null => (typeof input === 'number' ? [input] : input);
  /** A number of each stream; nothing where none has one. */
  const some = (name: 'read' | 'forgotten' | 'began', numbers = states.map(state => state[name])) =>
    numbers.every(number => number === undefined)
      ? {}
      : { [name]: tensorOf(Float64Array.from(numbers, number => number ?? 0)) };
  const parts: Record<string, Tensor> = {
    counts: tensorOf(Float64Array.from(counts), [states.length, 3]),
    ...some('read'),
    ...some('forgotten'),
    ...some('began'),
    ...(states.some(({ ended }) => ended)
      ? { ended: tensorOf(Float64Array.from(states, ({ ended }) => Number(ended ?? false))) }
      : {}),
    random: tensorOf(Uint32Array.from(states.flatMap(state => [...(state.random ?? new Uint32Array(4))])), [
      states.length,
      4,
    ]),
    carry: rows(
      states.map(state => state.carry),
      widths.carry,
    ),
    'entries.carry': rows(
      entries.map(entry => entry.carry),
      widths.carry,
    ),
    'entries.input': rows(
      entries.map(entry => listOf(entry.input)),
      widths.input,
    ),
    'entries.logits': rows(
      entries.map(entry => entry.logits),
      widths.output,
    ),
    'entries.prediction': rows(
      widths.prediction === 0 ? entries.map(() => null) : entries.map(entry => entry.prediction),
      widths.prediction,
    ),
    'entries.target': tensorOf(targets, [entries.length, widths.target]),
    'entries.marks': tensorOf(Uint8Array.from(entries, marksOf)),
    ...(entries.some(({ weight }) => weight !== undefined)
      ? { 'entries.weight': tensorOf(Float64Array.from(entries, ({ weight = 1 }) => weight)) }
      : {}),
  };
  return new Map(Object.entries(parts).map(([part, tensor]) => [nameOf(part), tensor]));
}

function marksOf({ input, target, fresh, unread }: Entry): number {
  const kind =
    target === undefined
      ? 0
      : target === null
        ? marks.targetIsNull
        : typeof target === 'number'
          ? marks.targetIsNumber
          : marks.targetIsRow;
  return (input === null ? 0 : marks.input) | kind | (fresh ? marks.fresh : 0) | (unread ? marks.unread : 0);
}

/**
 * The states that `streamTensors` wrote; their numbers are checked as far as it takes to cut them.
 *
 * @throws CheckpointError naming the tensor
 */
export function readStreams(
  model: TrainableModel,
  tensors: ReadonlyMap<string, Tensor>,
  streams: number,
): StreamState[] {
  const widths = widthsOf(model);
  const single = model.config.input.kind === 'token';
  const part = (name: string): [Tensor | undefined, string] => [tensors.get(nameOf(name)), nameOf(name)];
  const counts = doubles(...part('counts'), [streams, 3]);
  /** Undefined where there is no such tensor. */
  const optional = (name: string, length: number) => {
    const [tensor, full] = part(name);
    return tensor && doubles(tensor, full, [length]);
  };
  const reads = optional('read', streams);
  const forgottens = optional('forgotten', streams);
  const begans = optional('began', streams);
  const endeds = optional('ended', streams);
  const carries = floats(...part('carry'), [streams, widths.carry]);
  const randoms = words(...part('random'), [streams, 4]);
  let total = 0;
  for (let i = 0; i < streams; i++) {
    const [steps, updated, count] = counts.subarray(3 * i, 3 * i + 3);
    const fits = [steps, updated, count].every(n => Number.isSafeInteger(n) && n >= 0);
    if (!fits || updated > steps || count > steps) {
      throw new CheckpointError(
        `Expected stream ${i} to have steps, of which some were updated and kept, got ${steps}, ${updated}, ${count}`,
      );
    }
    total += count;
  }
  const before = floats(...part('entries.carry'), [total, widths.carry]);
  const inputs = floats(...part('entries.input'), [total, widths.input]);
  const logits = floats(...part('entries.logits'), [total, widths.output]);
  const predictions = floats(...part('entries.prediction'), [total, widths.prediction]);
  const targets = doubles(...part('entries.target'), [total, widths.target]);
  const weights = optional('entries.weight', total);
  const marked = octets(...part('entries.marks'), [total]);

  const row = <Values extends Float32Array | Float64Array>(values: Values, i: number, width: number): Values =>
    values.slice(i * width, (i + 1) * width) as Values;
  const entry = (i: number): Entry => {
    const mark = marked[i];
    const has = (one: number): boolean => (mark & one) !== 0;
    const input = !has(marks.input) ? null : single ? inputs[i] : row(inputs, i, widths.input);
    const said = row(logits, i, widths.output);
    let target: Target | undefined;
    if (has(marks.targetIsNull)) target = null;
    else if (has(marks.targetIsNumber)) target = targets[i * widths.target];
    else if (has(marks.targetIsRow)) target = Float32Array.from(row(targets, i, widths.target));
    return {
      carry: row(before, i, widths.carry),
      input,
      logits: said,
      prediction: widths.prediction === 0 ? said : row(predictions, i, widths.prediction),
      target,
      ...(weights && weights[i] !== 1 ? { weight: weights[i] } : {}),
      fresh: has(marks.fresh) && target !== undefined && target !== null,
      ...(has(marks.unread) && target !== undefined && target !== null ? { unread: true } : {}),
    };
  };

  let first = 0;
  return Array.from({ length: streams }, (_, i) => {
    const [steps, updated, count] = counts.subarray(3 * i, 3 * i + 3);
    const entries = Array.from({ length: count }, (_, j) => entry(first + j));
    first += count;
    const random = randoms.slice(4 * i, 4 * i + 4);
    const drawn = random.some(word => word !== 0);
    const read = {
      ...(reads && { read: reads[i] }),
      ...(forgottens?.[i] ? { forgotten: forgottens[i] } : {}),
      ...(begans?.[i] ? { began: begans[i] } : {}),
      ...(endeds?.[i] ? { ended: true } : {}),
    };
    return { carry: row(carries, i, widths.carry), steps, updated, ...read, entries, ...(drawn ? { random } : {}) };
  });
}
