import test from 'ava';
import { lastValueFrom, take, toArray } from 'rxjs';
import { createStrokes, type Point } from '../../src/encoders/strokes.js';
import { ConfigError, InputError } from '../../src/errors.js';
import { createModel, type TrainableModel } from '../../src/model/model.js';
import { type WriteOptions, write } from '../../src/operators/write.js';
import { writeLine } from '../../src/operators/write-line.js';
import { createRandom } from '../../src/random.js';
import { createTrainer } from '../../src/training/trainer.js';
import { config } from '../helpers/models.js';

const strokes = createStrokes({ kind: 'strokes', by: 'time', spacing: 20, unit: 10, letters: 'lo' });
const shape = {
  ...config('gru', [12], strokes.input, { kind: 'mixture', size: 2 }),
  encoder: { ...strokes.config },
};

const all = (model: TrainableModel, options: WriteOptions): Promise<Point[]> =>
  lastValueFrom(write(model, options).pipe(toArray()));

/** Knows two letters: l goes down, o goes to the right, and both are three points long. */
async function scribe(): Promise<TrainableModel> {
  const model = await createModel(shape, { seed: 2 });
  const trainer = createTrainer(model, {
    k2: 8,
    optimizer: { kind: 'adam', rate: 0.02, beta1: 0.9, schedule: { kind: 'linear', steps: 400, final: 0.05 } },
  });
  const random = createRandom(3);
  const drawn = (letter: number) => {
    const offset = () => (letter === 0 ? [0.1 * random.normal(), 2] : [2, 0.1 * random.normal()]);
    const offsets = [
      [0, 0, 0],
      [...offset(), 0],
      [...offset(), 1],
      [0, 0, 1],
    ];
    const inputs = offsets.slice(0, -1).map(([x, y, end]) => Float32Array.of(x, y, end, 1 - letter, letter));
    return { carry: model.zeroCarry(), inputs, targets: offsets.slice(1).map(row => Float32Array.from(row)) };
  };
  for (let i = 0; i < 400; i++) trainer.learnMany([drawn(0), drawn(1), drawn(0), drawn(1)]);
  return model;
}

test('a letter is written point by point, ends where all is written, and is another letter when asked', async t => {
  const model = await scribe();
  const [l, o] = [await all(model, { letter: 'l', bias: 2 }), await all(model, { letter: 'o', bias: 2 })];
  for (const points of [l, o]) {
    t.is(points.length, 3);
    t.deepEqual(
      points.map(({ time, up }) => [time, up]),
      [
        [0, false],
        [20, false],
        [40, true],
      ],
    );
  }
  t.true(l[2].y > 30 && Math.abs(l[2].x) < 10, JSON.stringify(l));
  t.true(o[2].x > 30 && Math.abs(o[2].y) < 10, JSON.stringify(o));
  const rest = await all(model, { letter: 'l', bias: 2, begin: l.slice(0, 2) });
  t.is(rest.length, 1);
  t.true(rest[0].up && rest[0].y > l[1].y + 10, 'it goes on from ink');

  const line = writeLine(model, 'l o?', { bias: 2 });
  t.is(line.length, 6);
  t.true(line[3].x > line[2].x + 30, 'side by side, with a blank');
  t.true(line.slice(1).every(({ time }, i) => time > line[i].time));
});

test('the same seed writes the same, on every subscription, and another seed another', async t => {
  const model = await createModel(shape, { seed: 1 });
  const source = write(model, { seed: 5, most: 30 });
  const first = await lastValueFrom(source.pipe(toArray()));
  t.deepEqual(await lastValueFrom(source.pipe(toArray())), first);
  t.notDeepEqual(await all(model, { seed: 6, most: 30 }), first);
  t.true(first.length <= 31);
  t.is((await lastValueFrom(source.pipe(take(2), toArray()))).length, 2);
});

test('a line that a model cannot write is refused with the reason', async t => {
  const model = await createModel(shape);
  const { 'readout.weight': weight, 'readout.bias': bias } = model.weights();
  model.setWeights({ 'readout.weight': weight.fill(3e38), 'readout.bias': bias.fill(3e38) });
  t.throws(() => writeLine(model, 'lo'), { instanceOf: InputError, message: /to be finite/ });
});

test('a model that cannot write, and a letter that it does not know, are refused at once', async t => {
  const model = await createModel(shape);
  const refused = (of: TrainableModel, options: WriteOptions, message: RegExp) =>
    t.throws(() => write(of, options), { instanceOf: ConfigError, message });
  refused(model, { letter: 'x' }, /letter to be one of lo, got x/);
  refused(model, { bias: 21 }, /bias to be a number from 0 to 20, got 21/);
  refused(model, { seed: -1 }, /seed to be an integer from 0/);
  refused(model, { length: 2 } as object, /option to be one of letter, .*got length/);
  refused(model, { most: 2.5 }, /most to be an integer from 0, got 2\.5/);
  t.throws(() => writeLine(model, 'lo', { most: 2 } as object), { instanceOf: ConfigError, message: /got most/ });
  t.throws(() => writeLine(model, 'lo', { bias: Number.NaN }), { instanceOf: ConfigError, message: /bias/ });
  refused(await createModel(config('gru', [3])), {}, /strokes with a mixture, got no encoder, values/);
  const running = createStrokes({ kind: 'strokes', spacing: 1, unit: 1, scale: 'running' });
  refused(
    await createModel({
      ...config('gru', [3], running.input, { kind: 'mixture', size: 1 }),
      encoder: { ...running.config },
    }),
    {},
    /fixed scale/,
  );
});
