import test from 'ava';
import fc from 'fast-check';
import { type AudioConfig, createAudio, type Sound } from '../../src/encoders/audio.js';
import { CheckpointError, ConfigError, InputError } from '../../src/errors.js';
import { createRandom } from '../../src/random.js';
import { firstDifference } from '../helpers/bits.js';
import { cutAt, encodeAll } from '../helpers/chunks.js';

const small = { kind: 'audio', rate: 8000, bands: 8 } as const;

/** Noise whose loudness moves, 16 bits a sample. */
function noise(seed: number, length: number): Int16Array {
  const random = createRandom(seed);
  return Int16Array.from({ length }, (_, n) => 3000 * random.normal() * (1 + Math.sin(n / 700)));
}

const asFloats = (samples: Int16Array): Float32Array => Float32Array.from(samples, sample => sample / 32768);
const allFrames = (config: AudioConfig, pieces: readonly Sound[]): Float32Array[] =>
  encodeAll(createAudio(config), pieces).inputs;

/** The frames joined. */
const flat = (frames: readonly Float32Array[]): number[] => frames.flatMap(frame => [...frame]);

for (const features of ['log-mel', 'mfcc'] as const) {
  for (const rate of [8000, 16_000, 44_100]) {
    test(`any cut of sound at ${rate} hertz gives the same ${features} features, bit for bit`, t => {
      const config = { ...small, features, coefficients: 6, statistics: undefined };
      const samples = noise(rate, 6 * (rate / 100) + 777);
      const whole = allFrames(config, [{ rate, samples }]);
      t.true(whole.length >= 4);
      fc.assert(
        fc.property(fc.array(fc.nat(samples.length), { maxLength: 10 }), fc.boolean(), (places, floats) => {
          const pieces = cutAt(samples, places).map(piece => ({ rate, samples: floats ? asFloats(piece) : piece }));
          t.is(firstDifference(flat(allFrames(config, pieces)), flat(whole)), -1);
        }),
        { numRuns: 10 },
      );
      // One bit of one sample is seen.
      const other = samples.slice();
      other[300] ^= 1;
      t.not(firstDifference(flat(allFrames(config, [{ rate, samples: other }])), flat(whole)), -1);
    });
  }
}

test('frame t is made of samples t·hop to t·hop + frame − 1, as soon as the last of them is there', t => {
  const encoder = createAudio({ ...small, frame: 100, hop: 30 });
  const samples = noise(2, 1000);
  let state = encoder.initial();
  let count = 0;
  samples.forEach((_, n) => {
    const encoded = encoder.encode(state, samples.subarray(n, n + 1));
    state = encoded.state;
    count += encoded.inputs.length;
    t.is(count, encoder.framesIn(n + 1));
  });
  t.is(count, 31);
  t.is(encoder.framesIn(0), 0);
  // A frame does not know what comes after it.
  const after = samples.slice();
  after.fill(0, 520);
  const [seen, unseen] = [allFrames(encoder.config, [samples]), allFrames(encoder.config, [after])];
  t.deepEqual(unseen.slice(0, 15), seen.slice(0, 15));
  t.notDeepEqual(unseen[15], seen[15]);
});

test('features are standardised by what came before them and with them', t => {
  const statistics = Array.from({ length: 8 }, () => ({ count: 1e9, mean: -5, variance: 4 }));
  const [frame] = allFrames({ ...small, statistics, span: 1e12 }, [noise(3, 200)]);
  const [doubled] = allFrames({ ...small, statistics, span: 1e12 }, [noise(3, 200).map(sample => 2 * sample)]);
  // Twice the amplitude is ln 4 more in the log of the power, in units of 2.
  frame.forEach((value, i) => {
    t.true(Math.abs(doubled[i] - value - Math.log(4) / 2) < 1e-3);
  });
  const loud = allFrames({ ...small, statistics, span: 20 }, [noise(4, 80_000)]).slice(-200);
  const mean = loud.reduce((sum, [first]) => sum + first, 0) / loud.length;
  t.true(Math.abs(mean) < 0.3, 'the statistics follow');
  t.true(
    flat(allFrames(small, [new Int16Array(4000), noise(5, 4000), new Int16Array(4000)])).every(x => Math.abs(x) <= 6),
  );
});

test('the configuration says every setting, and makes the same encoder again', t => {
  const { config, input } = createAudio({ kind: 'audio', rate: 16_000, features: 'mfcc' });
  t.deepEqual(config, {
    kind: 'audio',
    features: 'mfcc',
    rate: 16_000,
    frame: 400,
    hop: 160,
    bands: 40,
    coefficients: 13,
    low: 20,
    high: 8000,
    scale: 'htk',
    floor: 1e-8,
    clamp: 6,
    span: 1000,
  });
  t.deepEqual(input, { kind: 'features', size: 13 });
  t.deepEqual(createAudio(config).config, config);
});

test('sound that is wrong, and sound that changes its rate, is refused', t => {
  const encoder = createAudio(small);
  const refused = (raw: unknown, message: RegExp, state = encoder.initial()) =>
    t.throws(() => encoder.encode(state, raw as Sound), { instanceOf: InputError, message });
  refused('a', /Expected sound to be a Float32Array or an Int16Array/);
  refused(null, /Expected sound/);
  refused(new Float64Array(3), /Expected sound/);
  refused({ rate: 16_000, samples: [1] }, /Expected sound/);
  refused({ rate: 8000.5, samples: new Int16Array(1) }, /Expected rate to be a whole number of hertz/);
  refused({ rate: 0, samples: new Float32Array(1) }, /Expected rate/);
  t.is(refused(Float32Array.of(0, Number.NaN), /finite numbers, got NaN/)?.index, 1);
  const { state } = encoder.encode(encoder.initial(), { rate: 16_000, samples: new Int16Array(9) });
  refused(new Int16Array(9), /Expected sound of 16000 hertz, as it began, got 8000/, state);
});

test('a setting of audio that is wrong, and a state that is none, are refused', t => {
  const refused = (settings: object, message: RegExp) =>
    t.throws(() => createAudio({ ...small, ...settings }), { instanceOf: ConfigError, message });
  refused({ rate: 500 }, /encoder.rate to be a whole number of hertz from 1000/);
  refused({ features: 'fft' }, /encoder.features/);
  refused({ scale: 'bark' }, /encoder.scale/);
  refused({ hop: 201 }, /encoder.hop to be an integer from 1 to 200, got 201/);
  refused({ frame: 2 }, /encoder.frame/);
  refused({ bands: 0 }, /encoder.bands/);
  refused({ coefficients: 9 }, /encoder.coefficients to be an integer from 1 to 8/);
  refused({ low: 4000 }, /encoder.low/);
  refused({ high: 4001 }, /encoder.high/);
  refused({ floor: 0 }, /encoder.floor/);
  refused({ clamp: 0 }, /encoder.clamp/);
  refused({ span: 1 }, /encoder.span/);
  // Statistics that begin with it would have counted a part of a frame.
  refused({ span: 10.5 }, /encoder.span to be a whole number of frames from 2, got 10.5/);
  refused({ statistics: [] }, /statistics of 8 features/);
  const encoder = createAudio(small);
  const { state } = encoder.encode(encoder.initial(), { rate: 11_025, samples: new Int16Array(500) });
  t.deepEqual(encoder.restore(JSON.parse(JSON.stringify(state))), state);
  const loudest = Float32Array.from({ length: 500 }, (_, i) => (i % 3 ? 3.4e38 : -3.4e38));
  const loud = encoder.encode(encoder.initial(), { rate: 11_025, samples: loudest }).state;
  t.deepEqual(encoder.restore(JSON.parse(JSON.stringify(loud))), loud);
  const samples = new Array(200).fill(0);
  for (const saved of [
    null,
    {},
    { ...state, rate: 8000 },
    { ...state, samples },
    { ...state, columns: [] },
    { ...state, rate: 7 },
    { ...state, rate: 44_101 },
    // What no sound leads to, and no power spectrum can hold.
    { ...state, samples: [1e300] },
    { ...state, resampling: { ...state.resampling!, waiting: state.resampling!.waiting.map(() => -1e300) } },
    { ...state, columns: state.columns.map(column => ({ ...column, mean: 1e200 })) },
  ])
    t.throws(() => encoder.restore(saved), { instanceOf: CheckpointError });
});
