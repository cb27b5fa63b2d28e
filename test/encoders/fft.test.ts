import test from 'ava';
import { createFft } from '../../src/encoders/fft.js';
import { createRandom } from '../../src/random.js';

/** By the definition. */
function naivePower(samples: Float64Array): number[] {
  const size = samples.length;
  return Array.from({ length: size / 2 + 1 }, (_, k) => {
    let [x, y] = [0, 0];
    samples.forEach((sample, n) => {
      x += sample * Math.cos((2 * Math.PI * ((k * n) % size)) / size);
      y -= sample * Math.sin((2 * Math.PI * ((k * n) % size)) / size);
    });
    return x * x + y * y;
  });
}

for (const size of [4, 8, 16, 256, 512]) {
  test(`a transform of ${size} samples is what its definition says`, t => {
    const random = createRandom(size);
    const samples = Float64Array.from({ length: size }, () => random.normal());
    const fft = createFft(size);
    const found = new Float64Array(fft.bins);
    fft.power(samples, found);
    t.is(fft.bins, size / 2 + 1);
    naivePower(samples).forEach((truth, k) => {
      t.true(Math.abs(found[k] - truth) <= 1e-11 * size, `${k}: ${found[k]}, ${truth}`);
    });
    // What one transform leaves is not in the next.
    const again = new Float64Array(fft.bins);
    fft.power(samples, again);
    t.deepEqual(again, found);
  });
}

test('a tone is one bin, and the sum of powers is that of the samples', t => {
  const fft = createFft(64);
  const tone = Float64Array.from({ length: 64 }, (_, n) => Math.cos((2 * Math.PI * 5 * n) / 64));
  const power = new Float64Array(fft.bins);
  fft.power(tone, power);
  t.true(Math.abs(power[5] - 32 * 32) < 1e-9);
  t.true(power.every((value, k) => k === 5 || value < 1e-20));
});
