import test from 'ava';
import { createMelFilters, hertzOf, type MelScale, melOf } from '../../src/encoders/mel.js';

// Values that transformers' tests/utils/test_audio_utils.py has from librosa (Hugging Face, Apache 2.0), 8 digits each: 16 bins of
// 0 to 2 kHz, 4 bands.
const published: Record<MelScale, readonly (readonly number[])[]> = {
  htk: [
    [0, 0.61454786, 0.82511046, 0.35597035, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0.17488954, 0.64402965, 0.91360726, 0.55547007, 0.19733289, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0.08639274, 0.44452993, 0.80266711, 0.87724349, 0.6038449, 0.33044631, 0.05704771, 0, 0, 0, 0, 0],
    [
      0, 0, 0, 0, 0, 0, 0, 0.12275651, 0.3961551, 0.66955369, 0.94295229, 0.83483975, 0.62612982, 0.41741988,
      0.20870994, 0,
    ],
  ],
  slaney: [
    [0, 1.19217795e-3, 2.38435591e-3, 2.40387905e-3, 1.2117011e-3, 1.95231437e-5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 5.86232616e-4, 1.77821783e-3, 2.97020305e-3, 1.81763684e-3, 6.26036972e-4, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1.04857612e-3, 2.11460963e-3, 2.26505954e-3, 1.40202503e-3, 5.38990521e-4, 0, 0, 0, 0, 0],
    [
      0, 0, 0, 0, 0, 0, 0, 0, 3.07332945e-4, 9.54861093e-4, 1.60238924e-3, 1.83458185e-3, 1.37593638e-3, 9.17290923e-4,
      4.58645462e-4, 0,
    ],
  ],
};

for (const scale of ['htk', 'slaney'] as const) {
  test(`filters on the ${scale} scale are those of librosa`, t => {
    const filters = createMelFilters({ rate: 4000, bins: 16, bands: 4, low: 0, high: 2000, scale });
    filters.forEach(({ first, weights }, band) => {
      const row = new Float64Array(16);
      row.set(weights, first);
      published[scale][band].forEach((truth, k) => {
        t.true(Math.abs(row[k] - truth) <= 1e-8 * (scale === 'htk' ? 1 : 1e-2) + 1e-12, `${band}, ${k}: ${row[k]}`);
      });
    });
    const other = createMelFilters({ rate: 4000, bins: 16, bands: 4, low: 0, high: 1990, scale });
    t.true(Math.abs(other[0].weights[1] - published[scale][0][other[0].first + 1]) > 1e-6, 'another edge is seen');
  });
}

test('mel and hertz are those that librosa and transformers publish, and go back', t => {
  const near = (found: number, truth: number) =>
    t.true(Math.abs(found - truth) <= 1e-8 * Math.max(1, truth), `${found}`);
  near(melOf(100, 'htk'), 150.48910241);
  near(melOf(200, 'htk'), 283.22989816);
  [60, 100, 200, 1000, 1001, 2000].forEach((hertz, i) => {
    near(melOf(hertz, 'slaney'), [0.9, 1.5, 3, 15, 15.01453781, 25.08188016][i]);
    near(hertzOf(melOf(hertz, 'slaney'), 'slaney'), hertz);
    near(hertzOf(melOf(hertz, 'htk'), 'htk'), hertz);
  });
});

test('a band between two bins has no weights', t => {
  const filters = createMelFilters({ rate: 8000, bins: 9, bands: 30, low: 20, high: 4000, scale: 'htk' });
  t.true(filters.some(({ weights }) => weights.length === 0));
  t.true(filters.every(({ first, weights }) => first >= 0 && first + weights.length <= 9));
});

test('the filters of the largest frame are made in no time', t => {
  const began = performance.now();
  const filters = createMelFilters({ rate: 400_000, bins: 32_769, bands: 512, low: 20, high: 200_000, scale: 'htk' });
  t.is(filters.length, 512);
  t.true(performance.now() - began < 1000);
});
