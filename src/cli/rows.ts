import { createReadings, type ReadingCell, type ReadingsConfig, type ReadingsState } from '../encoders/readings.js';
import { ConfigError, InputError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { createTranscriber } from '../model/transcript.js';
import type { Step } from '../model/transfer.js';
import { topOf, type Want } from './answer.js';
import type { Columns, RowFrame } from './columns.js';
import { counted, exact, exactly, fromExactly } from './numbers.js';
import type { Task } from './task.js';

export interface RowsOptions {
  readonly config: ModelConfig;
  readonly columns: Columns;
  readonly want: Want;
  readonly topK: number;
  /** Steps from one line to the next: what the others settle is said with it. Default 1. */
  readonly every?: number;
}

/** The columns that a network of rows takes, where it says them: their names, the time last, and those that hold no plain numbers. */
export function columnsOf({
  encoder,
}: ModelConfig): { names: string[]; kinds: NonNullable<Columns['kinds']> } | undefined {
  if (encoder?.kind !== 'readings') return undefined;
  const { columns, time } = encoder as unknown as ReadingsConfig;
  const names = [...columns.map(({ name }) => name), ...(time === undefined ? [] : [time])];
  const kinds: Record<string, 'time' | readonly string[]> = time === undefined ? {} : { [time]: 'time' };
  for (const { name, categories } of columns) if (categories) kinds[name] = categories;
  return { names, kinds };
}

/**
 * Rows through a network that was made elsewhere: as its own encoder has them, or as they are; what it says is said as it is.
 *
 * @throws ConfigError if the columns are not as many as its inputs
 */
export function createRows({ config, columns, want, topK, every = 1 }: RowsOptions): Task<RowFrame> {
  const { input, output, labels } = config;
  const own = config.encoder?.kind === 'readings' ? (config.encoder as unknown as ReadingsConfig) : undefined;
  const encoder = own && createReadings(own);
  const wanted = own ? (columnsOf(config)?.names.length ?? 0) : input.size;
  const size = columns.inputs.length;
  if (size !== wanted) {
    throw new ConfigError(
      `Expected ${counted(wanted, 'column')} of numbers, as many as the network has inputs, got ${size} (${columns.inputs.join(', ')}): see --columns`,
    );
  }
  const states = new Map<string, ReadingsState>();
  const steps = new Map<string, number>();
  const moments: RowFrame[] = [];
  const label = (index: number) => labels?.[index] ?? index;
  // A class without a name says nothing: the network was trained with ctc.
  const blank = output.kind === 'classes' && columns.key === undefined ? (labels?.indexOf('') ?? -1) : -1;
  const transcriber = blank < 0 ? undefined : createTranscriber(output.size, { blank });
  let heard = transcriber?.initial();
  /** Settled, and on no line yet. */
  let unsaid: number[] = [];
  /** The row as the encoder has it: categories by name. */
  const cellsOf = (inputs: Float64Array): ReadingCell[] =>
    Array.from(inputs, (value, i) => {
      const categories = own?.columns[i]?.categories;
      return categories && !Number.isNaN(value) ? (categories[value] ?? anyOther) : value;
    });

  const say = (prediction: Float32Array): object => {
    if (output.kind === 'classes') {
      if (want === 'top-k') return { top: topOf(prediction, topK, label) };
      return want === 'none' ? {} : { prediction: Array.from(prediction, exact) };
    }
    const values = Array.from(prediction, exact);
    return { prediction: labels ? Object.fromEntries(values.map((value, i) => [labels[i], value])) : values };
  };

  return {
    items(frame) {
      const { key } = frame;
      if (!encoder) {
        const input = Float32Array.from(frame.inputs);
        const bad = input.findIndex(value => !Number.isFinite(value));
        if (bad >= 0) {
          const found = Number.isNaN(frame.inputs[bad]) ? 'none' : `${frame.inputs[bad]}, which is beyond float32`;
          throw new InputError(`expected ${columns.inputs[bad]} to be a number, got ${found}`, bad);
        }
        moments.push(frame);
        return [{ key, input }];
      }
      const { state, inputs } = encoder.encode(states.get(key) ?? encoder.initial(), cellsOf(frame.inputs));
      moments.push(frame);
      states.set(key, state);
      return [{ key, input: inputs[0] }];
    },
    answer({ prediction, logits }: Step) {
      const { key } = moments.shift()!;
      const step = (steps.get(key) ?? 0) + 1;
      steps.set(key, step);
      if (!transcriber) return { ...(columns.key === undefined ? {} : { key }), step, ...say(prediction) };
      const read = transcriber.read(heard!, logits);
      heard = read.state;
      const { settled, open } = read.transcript;
      unsaid.push(...settled);
      const said = unsaid.map(label);
      if (step % every === 0) unsaid = [];
      return { step, said, open: open.map(label), ...say(prediction) };
    },
    end() {
      if (!transcriber) return undefined;
      const said = [...unsaid, ...transcriber.finish(heard!).settled].map(label);
      return said.length > 0 ? { said, open: [] } : undefined;
    },
    progress: () => [],
    save: () => null,
    write: ({ key, inputs }) => ({
      ...(columns.key === undefined ? {} : { key }),
      inputs: Array.from(inputs, exactly),
    }),
    read(written) {
      const frame = written as { key?: unknown; inputs?: unknown } | null;
      const inputs = fromExactly(frame?.inputs, columns.inputs.length);
      const key = columns.key === undefined ? '' : frame?.key;
      return inputs && typeof key === 'string' ? { key, inputs, targets: new Float64Array(0) } : undefined;
    },
    outputName: index => JSON.stringify(label(index)),
  };
}

/** No category is this. */
const anyOther = '\0';
