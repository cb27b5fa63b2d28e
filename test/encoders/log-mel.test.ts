import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { createLogMel, type LogMelSettings, soundFeatures } from '../../src/encoders/log-mel.js';
import { repositoryRoot } from '../helpers/repository.js';

type Settings = LogMelSettings & { readonly hop: number };

interface Golden {
  readonly cases: readonly {
    readonly settings: Omit<Settings, 'features'>;
    readonly logMel: readonly number[][];
    readonly mfcc: readonly number[][];
  }[];
}

const golden: Golden = JSON.parse(readFileSync(join(repositoryRoot, 'test/golden/audio/frames.json'), 'utf8'));
const sample = (n: number): number => (((37 * n * n + 101 * n) % 8191) - 4095) * (7 / 32768);

function largestError(settings: Settings, truth: readonly number[][]): number {
  const mel = createLogMel(settings);
  const samples = Float64Array.from({ length: settings.frame + 3 * settings.hop }, (_, n) => sample(n));
  const into = new Float64Array(mel.size);
  let worst = 0;
  truth.forEach((row, frame) => {
    mel.features(samples, frame * settings.hop, into);
    row.forEach((value, i) => {
      worst = Math.max(worst, Math.abs(into[i] - value));
    });
  });
  return worst;
}

golden.cases.forEach(({ settings, ...truths }) => {
  for (const features of soundFeatures) {
    test(`${features} features on the ${settings.scale} scale are those of SciPy by the formulas of librosa`, t => {
      const truth = features === 'mfcc' ? truths.mfcc : truths.logMel;
      t.true(largestError({ ...settings, features }, truth) <= 1e-9);
      // Another window, filter or transform is seen.
      t.true(largestError({ ...settings, features, high: settings.high - 1 }, truth) > 1e-4);
    });
  }
});

test('silence has the logarithm of the floor', t => {
  const { settings } = golden.cases[0];
  const mel = createLogMel({ ...settings, features: 'log-mel' });
  const into = new Float64Array(mel.size);
  mel.features(new Float64Array(settings.frame), 0, into);
  t.true(into.every(value => Math.abs(value - Math.log(settings.floor)) < 1e-12));
});
