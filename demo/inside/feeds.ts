import {
  type CellKind,
  createEncoder,
  createRandom,
  type Input,
  type Model,
  type ModelConfig,
  readWav,
  type Target,
  vocabularyOf,
} from 'eddy';
import { writeLine } from 'eddy/operators';
import { audit, from, map, type Observable, Subject, Subscription, scan, switchMap, timer } from 'rxjs';
import { fetchBeside } from '../parts/server-events.js';
import { fetchModel } from '../run/here.js';
import type { Lessons } from '../run/runner.js';
import { machine as load } from '../sense/source.js';
import { lookOf } from '../type/characters.js';
import { rhyme } from '../type/rhyme.js';

/** One step of a stream; where the target is left out, it is the input of the step after. */
export interface Moment {
  readonly input: Input;
  readonly target?: Target;
  /** What stands below its column. */
  readonly label: string;
}

/** A stream to learn from, and the network for it. */
export interface Feed {
  readonly id: string;
  readonly title: string;
  /** What there is to learn. */
  readonly about: string;
  readonly rate: number;
  readonly config: (cell: CellKind) => ModelConfig;
  /** @param paced emits whenever a moment is due, of a stream with a pace of its own the newest; subscribed to once there are any */
  readonly moments: (paced: Observable<unknown>) => Observable<Moment>;
}

export const units = 24;
/** Of the sound. */
const bands = 16;
const example = new URL('../listen/example.wav', import.meta.url);
/** Steps between a bit and its echo. */
export const delay = 5;

const vocabulary = vocabularyOf(rhyme);
const letters: Feed = {
  id: 'letters',
  title: 'a rhyme',
  about: 'Each letter is foretold from those before it.',
  rate: 0.01,
  config: cell => ({
    input: { kind: 'token', size: vocabulary.length + 1 },
    layers: [{ cell, size: units }],
    output: { kind: 'classes', size: vocabulary.length + 1 },
  }),
  moments(paced) {
    const encoder = createEncoder({ kind: 'characters', vocabulary });
    const text = [...rhyme];
    return paced.pipe(
      map((_, i) => text[i % text.length]),
      map(character => ({
        input: encoder.encode(encoder.initial(), character).inputs[0] as number,
        label: lookOf(character).glyph,
      })),
    );
  },
};

const echo: Feed = {
  id: 'echo',
  title: 'an echo',
  about: `The answer is the bit of ${delay} steps ago: within the window it can be learned, beyond it cannot.`,
  rate: 0.01,
  config: cell => ({
    input: { kind: 'features', size: 1 },
    layers: [{ cell, size: units }],
    output: { kind: 'classes', size: 2 },
  }),
  moments(paced) {
    const random = createRandom(1);
    return paced.pipe(
      scan((bits: number[]) => [random.integer(2), ...bits].slice(0, delay + 1), []),
      map(bits => ({
        input: Float32Array.of(2 * bits[0] - 1),
        target: bits[delay] ?? null,
        label: String(bits[0]),
      })),
    );
  },
};

/** Forecasts the next row of so many numbers. */
const forecasting =
  (size: number): Feed['config'] =>
  cell => ({ input: { kind: 'features', size }, layers: [{ cell, size: units }], output: { kind: 'values', size } });

const machine: Feed = {
  id: 'machine',
  title: 'this machine',
  about: 'Load, memory and lateness of the machine that serves this page, at most four times a second.',
  rate: 0.005,
  config: forecasting(load.columns.length),
  moments(paced) {
    const { columns } = load;
    const encoder = createEncoder({ kind: 'readings', columns: columns.map(({ name }) => ({ name })) });
    let state = encoder.initial();
    return load.rows().pipe(
      audit(() => paced),
      map(row => {
        const seen = columns.map(({ name, view }) => view?.see(row[name] as number) ?? (row[name] as number));
        const encoded = encoder.encode(state, seen);
        state = encoded.state;
        return { input: encoded.inputs[0], label: '' };
      }),
    );
  },
};

const ink: Feed = {
  id: 'ink',
  title: 'a pen',
  about: 'A network writes, letter by letter; where its pen goes next is foretold from where it has been.',
  rate: 0.005,
  config: forecasting(3),
  moments(paced) {
    const word = [...'hello'];
    const encoder = createEncoder({ kind: 'strokes', by: 'length', spacing: 4, unit: 8 });
    /** One letter after the other, each drawn anew. */
    function* written(hand: Model): Generator<Moment> {
      for (let seed = 0; ; seed++) {
        const letter = word[seed % word.length];
        const { inputs } = encoder.encode(encoder.initial(), writeLine(hand, letter, { bias: 1, seed }));
        for (const [i, input] of inputs.entries()) yield { input, label: i === 0 ? letter : '' };
      }
    }
    return from(fetchModel('hand')).pipe(
      switchMap(hand => {
        const moments = written(hand);
        return paced.pipe(map(() => moments.next().value as Moment));
      }),
    );
  },
};

const sound: Feed = {
  id: 'sound',
  title: 'a voice',
  about: 'Digits that are spoken, in frames of 32 ms: each band of the next frame is foretold from those before it.',
  rate: 0.005,
  config: forecasting(bands),
  moments(paced) {
    const encoder = createEncoder({
      kind: 'audio',
      rate: 8000,
      frame: 256,
      hop: 128,
      bands,
      low: 80,
      high: 3600,
      floor: 1e-6,
    });
    const frames = fetchBeside(example, 'The voice')
      .then(response => response.arrayBuffer())
      .then(bytes => encoder.encode(encoder.initial(), readWav(new Uint8Array(bytes))).inputs as Float32Array[]);
    return from(frames).pipe(
      switchMap(inputs => paced.pipe(map((_, i) => ({ input: inputs[i % inputs.length], label: '' })))),
    );
  },
};

export const feeds: readonly Feed[] = [letters, echo, ink, sound, machine];

export function lessonsOf({ rate }: Feed, k2: number): Lessons {
  return { k1: 1, k2, optimizer: { kind: 'adam', rate } };
}

/** Milliseconds between two steps; 0 for none at all. */
export function createPace(): { readonly due: Observable<unknown>; set(milliseconds: number): void; once(): void } {
  const due = new Subject<void>();
  let running = Subscription.EMPTY;
  return {
    due,
    set(milliseconds) {
      running.unsubscribe();
      if (milliseconds > 0) running = timer(milliseconds, milliseconds).subscribe(() => due.next());
    },
    once: () => due.next(),
  };
}
