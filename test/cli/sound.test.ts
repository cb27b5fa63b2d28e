import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { createAudio } from '../../src/encoders/audio.js';
import { writeWav } from '../../src/encoders/wav.js';
import { createModel, createTranscriber, saveModel } from '../../src/index.js';
import { createRandom } from '../../src/random.js';
import { eddy, folder } from '../helpers/cli.js';

const encoder = createAudio({ kind: 'audio', rate: 8000, bands: 6 });
const random = createRandom(4);
const samples = Int16Array.from({ length: 3000 }, () => 2000 * random.normal());
const floats = Float32Array.from(samples, sample => sample / 32768);
const bytesOf = (array: Int16Array | Float32Array) => new Uint8Array(array.buffer);

/** A network that hears, in a file; without a name the last class says nothing. */
async function ear(t: ExecutionContext, labels: readonly string[] = ['a', 'b', '']) {
  const model = await createModel(
    {
      input: encoder.input,
      layers: [{ cell: 'gru', size: 5 }],
      output: { kind: 'classes', size: labels.length },
      encoder: { ...encoder.config },
      labels,
    },
    { seed: 3 },
  );
  const path = folder(t)('ear.safetensors');
  writeFileSync(path, saveModel(model));
  return { path, model };
}

/** What the network says of sound, frame by frame. */
function likeliest(
  model: Awaited<ReturnType<typeof ear>>['model'],
  sound: Parameters<typeof encoder.encode>[1],
): string[] {
  const { inputs, state } = encoder.encode(encoder.initial(), sound);
  let carry = model.zeroCarry();
  return [...inputs, ...encoder.finish(state)].map(input => {
    const step = model.step(carry, input);
    carry = step.carry;
    return model.config.labels![step.prediction.indexOf(Math.max(...step.prediction))];
  });
}

test('what follows the samples of a WAV file is told, and the file is answered as it is', async t => {
  const { path } = await ear(t, ['a', 'b', 'c']);
  const file = writeWav(8000, samples);
  const alone = await eddy(t, file, 'pipe', path);
  const two = await eddy(t, Buffer.concat([file, file]), 'pipe', path);
  t.is(two.status, 0);
  t.is(two.stdout, alone.stdout);
  t.regex(
    two.stderr,
    /^eddy: line \d+: expected a WAV file alone, got 6,044 bytes after its samples .*: give each file a run of its own: skipped$/m,
  );
});

test('a WAV file, and samples of 16 bits or floats, are answered frame by frame', async t => {
  const { path, model } = await ear(t, ['a', 'b', 'c']);
  const truth = likeliest(model, samples);
  t.true(truth.length > 30);
  const inputs: [Uint8Array, ...string[]][] = [
    [writeWav(8000, samples)],
    [bytesOf(samples), '--format', 'pcm16'],
    [bytesOf(floats), '--format', 'f32'],
  ];
  for (const [bytes, ...options] of inputs) {
    const { lines, status, stderr } = await eddy(t, bytes, 'pipe', path, '--top-k', '1', ...options);
    t.is(status, 0);
    t.is(stderr, options.length === 0 ? 'eddy: reading wav\n' : '');
    t.deepEqual(
      lines.map(line => line.top[0].label),
      truth,
    );
  }
  const other = await eddy(t, bytesOf(samples), 'pipe', path, '--format', 'pcm16', '--sample-rate', '16000');
  t.is(other.lines.length, likeliest(model, { rate: 16_000, samples }).length);
});

test('a network with a class without a name tells what was said', async t => {
  const { path } = await ear(t);
  const { lines } = await eddy(t, writeWav(8000, samples), 'pipe', path, '--want', 'none');
  t.true(lines.every(({ said, open }) => Array.isArray(said) && Array.isArray(open)));
  t.deepEqual(Object.keys(lines[0]), ['step', 'said', 'open']);
});

test('what is open at the end is said with a last line, and what is said joins to all that was, however many lines there are', async t => {
  const { path, model } = await ear(t);
  const transcriber = createTranscriber(3);
  const truth: number[] = [];
  let state = transcriber.initial();
  let carry = model.zeroCarry();
  const { inputs, state: rest } = encoder.encode(encoder.initial(), samples);
  for (const input of [...inputs, ...encoder.finish(rest)]) {
    const step = model.step(carry, input);
    carry = step.carry;
    const read = transcriber.read(state, step.logits);
    state = read.state;
    truth.push(...read.transcript.settled);
  }
  const left = transcriber.finish(state).settled;
  t.true(truth.length > 0 && left.length > 0);
  const all = [...truth, ...left].map(label => 'ab'[label]);
  const record = folder(t)('record');
  for (const every of ['1', '7', '1000']) {
    const options = ['--want', 'none', '--every', every, '--record', record];
    const { lines } = await eddy(t, writeWav(8000, samples), 'pipe', path, ...options);
    t.deepEqual(
      lines.flatMap(({ said }) => said),
      all,
    );
    t.deepEqual(Object.keys(lines.at(-1)), ['said', 'open']);
    t.deepEqual(lines.at(-1).open, []);
  }
  const { lines } = await eddy(t, '', 'replay', record);
  t.deepEqual(
    lines.flatMap(({ said }) => said),
    all,
  );
});

test('sound that is none, and a network that does not hear, are told', async t => {
  const { path } = await ear(t);
  const none = await eddy(t, 'no sound at all, only text', 'pipe', path);
  t.not(none.status, 0);
  t.regex(none.stderr, /begin with RIFF and WAVE/);
  const short = await eddy(t, new Uint8Array(2001), 'pipe', path, '--format', 'pcm16');
  t.regex(short.stderr, /expected 2 bytes in a sample, got 1/);
  const deaf = await eddy(t, 'abc', 'pipe', '--learn', '--format', 'wav');
  t.not(deaf.status, 0);
  t.regex(deaf.stderr, /Expected a checkpoint with the encoder audio/);
});
