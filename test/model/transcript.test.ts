import test from 'ava';
import fc from 'fast-check';
import { ConfigError, InputError } from '../../src/errors.js';
import { createTranscriber, type TranscriptOptions } from '../../src/model/transcript.js';
import { createRandom } from '../../src/random.js';

const size = 3;
const blank = 2;

/** All that was said, and its ln p; the state goes through JSON between steps. */
function transcribe(logits: readonly Float32Array[], options: TranscriptOptions = {}) {
  const transcriber = createTranscriber(size, { blank, ...options });
  let state = transcriber.initial();
  const labels: number[] = [];
  for (const row of logits) {
    // −∞ is no JSON; it comes back as null.
    const saved = JSON.parse(JSON.stringify(state), (_, value) => value ?? Number.NEGATIVE_INFINITY);
    const read = transcriber.read(saved, row);
    labels.push(...read.transcript.settled);
    state = read.state;
  }
  labels.push(...transcriber.finish(state).settled);
  return { labels, logProbability: state.logProbability };
}

const draw = (seed: number, steps: number): Float32Array[] => {
  const random = createRandom(seed);
  return Array.from({ length: steps }, () => Float32Array.from({ length: size }, () => 1.5 * random.normal()));
};

/** p of every sequence of labels, over all paths. */
function sequences(logits: readonly Float32Array[]): Map<string, number> {
  const found = new Map<string, number>();
  const rows = logits.map(row => {
    const sum = row.reduce((total, o) => total + Math.exp(o), 0);
    return Array.from(row, o => Math.exp(o) / sum);
  });
  for (let path = 0; path < size ** logits.length; path++) {
    const steps = logits.map((_, t) => Math.floor(path / size ** t) % size);
    const said = steps.filter((label, t) => label !== blank && label !== steps[t - 1]).join();
    found.set(said, (found.get(said) ?? 0) + steps.reduce((product, label, t) => product * rows[t][label], 1));
  }
  return found;
}

test('with beams enough, it is the likeliest sequence over all alignments, with its probability', t => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.integer({ min: 1, max: 6 }), (seed, steps) => {
      const logits = draw(seed, steps);
      const [best, p] = [...sequences(logits)].sort((a, b) => b[1] - a[1])[0];
      const found = transcribe(logits, { beam: 4096, open: 100 });
      t.is(found.labels.join(), best);
      t.true(Math.abs(found.logProbability - Math.log(p)) < 1e-9);
    }),
    { numRuns: 20 },
  );
});

test('a few beams do better than the likeliest class of each step', t => {
  let [greedy, few] = [0, 0];
  for (let seed = 0; seed < 60; seed++) {
    const logits = draw(seed, 6);
    const said = sequences(logits);
    greedy += said.get(transcribe(logits, { beam: 0 }).labels.join())!;
    few += said.get(transcribe(logits, { beam: 4 }).labels.join())!;
  }
  t.true(few > 1.01 * greedy, `${few}, ${greedy}`);
});

test('the likeliest class of each step, repetitions and blanks left out', t => {
  const steps = [0, 0, blank, 0, 1, 1, blank, blank, 1].map(label =>
    Float32Array.from({ length: size }, (_, c) => (c === label ? 3 : 0)),
  );
  t.deepEqual(transcribe(steps, { beam: 0 }).labels, [0, 0, 1, 1]);
  t.deepEqual(transcribe(steps, { beam: 3 }).labels, [0, 0, 1, 1]);
});

test('a stream without end is settled as it goes, with as much to remember after 5,000 steps as after 100', t => {
  const transcriber = createTranscriber(size, { blank, beam: 5, open: 4 });
  let state = transcriber.initial();
  const sizes: number[] = [];
  let settled = 0;
  draw(3, 5000).forEach((row, i) => {
    const read = transcriber.read(state, row);
    state = read.state;
    settled += read.transcript.settled.length;
    t.true(read.transcript.open.length <= 4);
    if (i >= 100) sizes.push(JSON.stringify(state.beams.map(({ labels }) => labels)).length);
  });
  t.true(settled > 1000);
  t.true(Math.max(...sizes) < 100);
  t.true(state.beams.every(({ blank: a, label: b }) => Math.max(a, b) <= 0));
});

test('wrong options and logits are refused', t => {
  for (const options of [{ blank: 3 }, { beam: -1 }, { beam: 0.5 }, { open: 0 }])
    t.throws(() => createTranscriber(size, options), { instanceOf: ConfigError });
  t.throws(() => createTranscriber(1), { instanceOf: ConfigError });
  const transcriber = createTranscriber(size);
  t.throws(() => transcriber.read(transcriber.initial(), [1, 2]), { instanceOf: InputError });
  for (const beam of [0, 8]) {
    const { initial, read } = createTranscriber(size, { beam });
    t.throws(() => read(initial(), [0, Number.NaN, 0]), {
      instanceOf: InputError,
      message: /number 1 to be finite, got NaN/,
    });
  }
});
