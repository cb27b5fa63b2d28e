/** A program that must give the same bits on every engine: it knows neither Node nor a browser. */
import { from, lastValueFrom, toArray } from 'rxjs';
import {
  createEncoder,
  createRandom,
  createTrainer,
  loadModel,
  type Model,
  type TrainableModel,
} from '../../src/index.js';
import { encode, next, step, tbptt } from '../../src/operators/index.js';

export interface Run {
  /** What computed: the SIMD module, or the TypeScript that stands in for it. */
  readonly kernels: string;
  /** Every float that left, as an unsigned integer, by what made it. */
  readonly bits: Readonly<Record<string, readonly number[]>>;
}

const text = 'Zwölf Boxkämpfer jagen Viktor über den großen Sylter Deich 🏝 ';

/**
 * Steps both models, alone and in batches, and lets them learn.
 *
 * @param features checkpoint of a model of 3 features and values
 * @param tokens checkpoint of a model of bytes and classes
 */
export async function runEverywhere(features: Uint8Array, tokens: Uint8Array): Promise<Run> {
  const bits: Record<string, number[]> = {};
  const note = (name: string, arrays: readonly ArrayLike<number>[]): void => {
    const all = arrays.flatMap(array => Array.from(array));
    bits[name] = [...new Uint32Array(Float32Array.from(all).buffer)];
  };

  const random = createRandom(11);
  const rows = Array.from({ length: 120 }, (_, t) => [
    random.normal(),
    20 + 5 * random.uniform(),
    t % 17 === 0 ? 1000 : 1e-3 * t,
  ]);
  const encoder = createEncoder({ kind: 'readings', columns: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] });
  const inputs = await lastValueFrom(from(rows).pipe(encode(encoder), toArray()));
  note('readings', inputs);

  const sound = Int16Array.from({ length: 9000 }, () => 2000 * random.normal());
  for (const features of ['log-mel', 'mfcc'] as const) {
    for (const rate of [8000, 44_100]) {
      const audio = createEncoder({ kind: 'audio', features, rate: 8000 });
      const pieces = [0, 1, 700, 4001, 9000].map((end, i, ends) => ({ rate, samples: sound.slice(ends[i - 1], end) }));
      note(`${features} at ${rate}`, await lastValueFrom(from(pieces).pipe(encode(audio), toArray())));
    }
  }

  const lines = rows
    .map(([a, b], t) =>
      JSON.stringify({ a: t % 7 === 0 ? null : a, b, mode: ['x', 'y', 'ß'][t % 3], at: t * t + 40 * t }),
    )
    .join('\n');
  const pieces = Array.from({ length: Math.ceil(lines.length / 17) }, (_, i) => lines.slice(17 * i, 17 * i + 17));
  const mixed = createEncoder({
    kind: 'readings',
    columns: [{ name: 'a', nullable: true }, { name: 'b' }, { name: 'mode', categories: ['x', 'y'] }],
    time: 'at',
  });
  note('readings as text', await lastValueFrom(from(pieces).pipe(encode(mixed), toArray())));

  const model = (await loadModel(features)) as Model<Float32Array> & TrainableModel;
  const steps = await lastValueFrom(from(inputs).pipe(step(model), toArray()));
  note(
    'steps',
    steps.flatMap(({ logits, prediction, carry }) => [logits, prediction, carry]),
  );
  const batch = inputs.slice(0, 7);
  note(
    'batch',
    model
      .stepMany(
        batch.map((_, i) => steps[i].carry),
        batch,
      )
      .map(({ carry }) => carry),
  );
  const learned = await lastValueFrom(
    from(inputs).pipe(
      next(),
      tbptt(createTrainer(model, { k1: 2, k2: 12, optimizer: { kind: 'adam', rate: 0.01 } })),
      toArray(),
    ),
  );
  note(
    'learned steps',
    learned.flatMap(event => (event.kind === 'step' ? [event.step.prediction, event.step.carry] : [])),
  );
  note(
    'updates',
    learned.flatMap(event => (event.kind === 'update' ? [[event.update.loss, event.update.gradientNorm]] : [])),
  );
  note('weights', Object.values(model.weights()));

  const pen = Array.from({ length: 200 }, (_, i) => {
    const up = i % 23 === 22;
    return { x: 90 * random.uniform(), y: 9 * random.normal(), time: 7 * i, pressure: random.uniform(), up };
  });
  const strokes = createEncoder({
    kind: 'strokes',
    spacing: 0.3,
    unit: 20,
    scale: 'running',
    pressure: true,
    time: true,
  });
  note('strokes', await lastValueFrom(from([pen.slice(0, 71), pen.slice(71)]).pipe(encode(strokes), toArray())));

  const reader = (await loadModel(tokens)) as Model<number> & TrainableModel;
  const bytes = await lastValueFrom(from([text, text, text]).pipe(encode(createEncoder({ kind: 'bytes' })), toArray()));
  note('bytes', [bytes]);
  const characters = createEncoder({ kind: 'characters', vocabulary: 'Viktor🏝 ' });
  note('characters', [await lastValueFrom(from(text.split('')).pipe(encode(characters), toArray()))]);
  const read = await lastValueFrom(from(bytes).pipe(next(), tbptt(createTrainer(reader, { k1: 1, k2: 8 })), toArray()));
  note(
    'read',
    read.flatMap(event => (event.kind === 'step' ? [event.step.prediction, event.step.carry] : [])),
  );
  note('reader', Object.values(reader.weights()));
  return { kernels: model.network.kernels.name, bits };
}
