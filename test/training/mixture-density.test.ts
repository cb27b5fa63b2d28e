import test from 'ava';
import { filter, from, lastValueFrom, tap, toArray } from 'rxjs';
import { TargetError } from '../../src/errors.js';
import type { Learned } from '../../src/operators/learned.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { createRandom } from '../../src/random.js';
import { loadTrainer, saveTrainer } from '../../src/training/checkpoint.js';
import type { StreamState } from '../../src/training/stream.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import { bits, firstDifference } from '../helpers/bits.js';
import { config, threeModels } from '../helpers/models.js';

const size = 3;
const shape = config('gru', [5], { kind: 'features', size: 3 }, { kind: 'mixture', size });

/** The formulas of Graves 2013, equations 18 to 26, one density after the other. */
function byHand(o: ArrayLike<number>, [x, y, end]: readonly number[]): number {
  const at = (block: number, j: number): number => o[1 + block * size + j];
  const masses = Array.from({ length: size }, (_, j) => Math.exp(at(0, j)));
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  let density = 0;
  for (let j = 0; j < size; j++) {
    const [sx, sy, rho] = [Math.exp(at(3, j)), Math.exp(at(4, j)), Math.tanh(at(5, j))];
    const [zx, zy] = [(x - at(1, j)) / sx, (y - at(2, j)) / sy];
    const Z = zx ** 2 + zy ** 2 - 2 * rho * zx * zy;
    density +=
      (masses[j] / total) * (Math.exp(-Z / (2 * (1 - rho ** 2))) / (2 * Math.PI * sx * sy * Math.sqrt(1 - rho ** 2)));
  }
  const e = 1 / (1 + Math.exp(-o[0]));
  return -Math.log(density) - Math.log(end === 1 ? e : 1 - e);
}

const isStep = (event: Learned): event is Extract<Learned, { kind: 'step' }> => event.kind === 'step';
const random = createRandom(4);
const draw = () => Float32Array.from({ length: 1 + 6 * size }, () => random.normal());
const offset = () => Float32Array.of(random.normal(), random.normal(), random.integer(2));

test('the loss is that of the formulas, and the bits of SIMD and reference agree', async t => {
  const { simd, reference, float64 } = await threeModels(shape);
  const losses = [simd, reference, float64].map(model => createTrainer(model));
  for (let i = 0; i < 200; i++) {
    const [o, target] = [draw(), offset()];
    const [a, b, exact] = losses.map(trainer => trainer.loss(o, target)!);
    const expected = byHand(o, Array.from(target));
    t.is(a, b);
    t.true(Math.abs(a - expected) < 1e-4 * Math.max(1, Math.abs(expected)), `${a}, ${expected}`);
    t.true(Math.abs(exact - expected) < 1e-9 * Math.max(1, Math.abs(expected)));
  }
});

test('a prediction is e, weights that add up to 1, means, deviations above 0 and correlations', async t => {
  const { simd, reference } = await threeModels(shape);
  const input = Float32Array.of(1, -2, 0);
  const step = simd.step(simd.zeroCarry(), input);
  t.is(firstDifference(step.prediction, reference.step(reference.zeroCarry(), input).prediction), -1);
  const { prediction: p, logits: o } = step;
  t.is(p.length, 1 + 6 * size);
  const near = (found: number, wanted: number) => t.true(Math.abs(found - wanted) < 1e-5);
  near(p[0], 1 / (1 + Math.exp(-o[0])));
  near(
    p.slice(1, 4).reduce((sum, weight) => sum + weight, 0),
    1,
  );
  t.deepEqual(p.slice(4, 10), o.slice(4, 10));
  for (let j = 10; j < 16; j++) near(p[j], Math.exp(o[j]));
  for (let j = 16; j < 19; j++) near(p[j], Math.tanh(o[j]));
});

test('beyond any measure the loss stays finite, and the gradient leads back', async t => {
  const { simd } = await threeModels(shape);
  const trainer = createTrainer(simd);
  const far = new Float32Array(1 + 6 * size).fill(1000);
  t.true(Number.isFinite(trainer.loss(far, Float32Array.of(0, 0, 1))!));
  t.true(
    Number.isFinite(
      trainer.loss(
        far.map(value => -value),
        Float32Array.of(3, 5, 0),
      )!,
    ),
  );
});

test('it learns a mixture that it is shown: two ways to go on, and an end in a quarter of them', async t => {
  const { simd: model } = await threeModels({ ...shape, output: { kind: 'mixture', size: 2 } });
  const trainer = createTrainer(model, {
    k2: 1,
    optimizer: {
      kind: 'adam',
      rate: 0.05,
      beta1: 0.9,
      schedule: { kind: 'linear', steps: 600, final: 0.01 },
    },
  });
  const input = Float32Array.of(1, 0, 0);
  const shown = () => {
    const right = random.integer(4) > 0;
    const [a, b] = [random.normal(), random.normal()];
    // Deviations ½ and 1, correlation 0.6; or far to the left.
    const [x, y] = right ? [2 + 0.5 * a, 0.6 * a + 0.8 * b] : [-3 + 0.1 * a, 1 + 0.1 * b];
    return Float32Array.of(x, y, random.integer(4) === 0 ? 1 : 0);
  };
  for (let i = 0; i < 600; i++)
    trainer.learnMany(
      Array.from({ length: 16 }, () => ({ carry: model.zeroCarry(), inputs: [input], targets: [shown()] })),
    );
  const p = model.step(model.zeroCarry(), input).prediction;
  const right = p[3] > p[4] ? 0 : 1;
  const left = 1 - right;
  const near = (found: number, wanted: number, by: number) =>
    t.true(Math.abs(found - wanted) < by, `${found}, ${wanted}`);
  near(p[0], 0.25, 0.06);
  near(p[1 + right], 0.75, 0.06);
  near(p[3 + right], 2, 0.15);
  near(p[3 + left], -3, 0.1);
  near(p[5 + left], 1, 0.1);
  near(p[7 + right], 0.5, 0.08);
  near(p[9 + right], 1, 0.15);
  near(p[11 + right], 0.6, 0.1);
});

test('a stream that learns a mixture goes on from its checkpoint with the same bits', async t => {
  const examples = Array.from({ length: 12 }, () => ({ input: offset(), target: offset() }));
  const { simd: model } = await threeModels(shape);
  const trainer = createTrainer(model, { k1: 2, k2: 4 });
  let state: StreamState | undefined;
  const note = (event: Learned) => {
    if (event.kind === 'step') state = event.state();
  };
  await lastValueFrom(from(examples.slice(0, 7)).pipe(tbptt(trainer), tap(note)));
  const saved = saveTrainer(trainer, new Map([['', state!]]));
  const again = await loadTrainer(saved);
  const rest = async (of: Trainer, begin: StreamState) =>
    (await lastValueFrom(from(examples.slice(7)).pipe(tbptt(of, begin), filter(isStep), toArray()))).map(event =>
      bits(event.step.prediction),
    );
  const here = await rest(again.trainer, again.states.get('')!);
  t.deepEqual(here, await rest(trainer, state!));
});

test('a target is an offset and whether the pen leaves', async t => {
  const { simd } = await threeModels(shape);
  const { checkTarget } = createTrainer(simd);
  const refused = (target: unknown, message: RegExp) =>
    t.throws(() => checkTarget(target as Float32Array), { instanceOf: TargetError, message });
  refused(1, /Float32Array of 3 values or null, got 1/);
  refused(Float32Array.of(1, 2), /got an array of 2/);
  refused(Float32Array.of(1, Number.NaN, 0), /target\[1\] to be finite/);
  refused(Float32Array.of(1, 2, 2), /target\[2\], the end of a stroke, to be from 0 to 1, got 2/);
  t.notThrows(() => checkTarget(null));
});
