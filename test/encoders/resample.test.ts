import test from 'ava';
import fc from 'fast-check';
import { createResampler } from '../../src/encoders/resample.js';
import { InputError } from '../../src/errors.js';
import { createRandom } from '../../src/random.js';
import { firstDifference } from '../helpers/bits.js';
import { cutAt } from '../helpers/chunks.js';

/** All samples, through pieces; the state goes through JSON between them. */
function resampleAll(from: number, to: number, pieces: readonly ArrayLike<number>[]): number[] {
  const resampler = createResampler(from, to);
  let state = resampler.initial();
  const out: number[] = [];
  for (const piece of pieces) {
    const saved: unknown = JSON.parse(JSON.stringify(state));
    if (!resampler.fits(saved)) throw new Error('a state of its own does not fit');
    const made = resampler.resample(saved, piece);
    out.push(...made.samples);
    state = made.state;
  }
  return [...out, ...resampler.finish(state)];
}

const tone = (hertz: number, rate: number, seconds = 0.5): Float64Array =>
  Float64Array.from({ length: rate * seconds }, (_, n) => 0.7 * Math.sin((2 * Math.PI * hertz * n) / rate));

/** The largest difference away from both ends. */
function largest(found: readonly number[], truth: (n: number) => number): number {
  const edge = 200;
  return found.slice(edge, -edge).reduce((worst, value, i) => Math.max(worst, Math.abs(value - truth(i + edge))), 0);
}

for (const from of [11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000]) {
  test(`a tone at ${from} hertz is the same tone at 8000, and one that 8000 cannot hold is gone`, t => {
    const found = resampleAll(from, 8000, [tone(1000, from)]);
    t.is(found.length, Math.ceil((from * 0.5 * 8000) / from));
    const truth = tone(1000, 8000);
    t.true(largest(found, n => truth[n]) < 0.7e-3);
    t.true(largest(resampleAll(from, 8000, [tone(4700, from)]), () => 0) < 0.7e-2);
  });
}

test('a tone at 8000 hertz is the same tone at 16000 and at 44100', t => {
  for (const to of [16_000, 44_100]) {
    const truth = tone(440, to);
    t.true(largest(resampleAll(8000, to, [tone(440, 8000)]), n => truth[n]) < 0.7e-3);
  }
});

test('any cut gives the same bits', t => {
  const random = createRandom(5);
  const samples = Float64Array.from({ length: 900 }, () => random.normal());
  for (const [from, to] of [
    [44_100, 8000],
    [8000, 16_000],
    [11_025, 8000],
    [400_000, 1000],
  ]) {
    const whole = resampleAll(from, to, [samples]);
    fc.assert(
      fc.property(fc.array(fc.nat(samples.length), { maxLength: 12 }), places => {
        t.is(firstDifference(resampleAll(from, to, cutAt(samples, places)), whole), -1);
      }),
      { numRuns: 8 },
    );
  }
});

test('a rate without a simple ratio is refused', t => {
  t.throws(() => createResampler(399_989, 399_979), { instanceOf: InputError, message: /near a simple ratio/ });
  const { fits } = createResampler(16_000, 8000);
  for (const saved of [null, {}, { waiting: [1], place: 0.5 }, { waiting: [Number.NaN], place: 34 }])
    t.false(fits(saved));
});

test('a few samples at a rate far from a simple ratio cost little', t => {
  const began = performance.now();
  for (let rate = 29_961; rate < 30_000; rate += 2) {
    const resampler = createResampler(rate, 16_000);
    t.true(resampler.resample(resampler.initial(), new Float32Array(100)).samples.length > 0);
  }
  t.true(performance.now() - began < 800);
});
