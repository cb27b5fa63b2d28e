import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { createEncoder } from '../../src/encoders/encoders.js';
import { readWav } from '../../src/encoders/wav.js';
import { loadModel } from '../../src/model/checkpoint.js';
import type { TrainableModel } from '../../src/model/model.js';
import { argmax } from '../../src/model/sample.js';
import { createRandom } from '../../src/random.js';
import { createTrainer } from '../../src/training/trainer.js';
import { repositoryRoot } from '../helpers/repository.js';
import { sharedPath, sharedTest } from '../helpers/shared.js';

const folder = join(repositoryRoot, 'demo/models');
const names = readdirSync(folder).flatMap(file => /^(.*)\.safetensors$/.exec(file)?.[1] ?? []);

test('each network that ships is below a megabyte, loads, and has a card that says what it was made of', async t => {
  t.true(names.includes('text'));
  for (const name of names) {
    const bytes = readFileSync(join(folder, `${name}.safetensors`));
    t.true(bytes.length < 1e6, `${name}: ${bytes.length} bytes`);
    await t.notThrowsAsync(loadModel(bytes), name);
    const card = readFileSync(join(folder, `${name}.md`), 'utf8');
    for (const row of ['network', 'data', 'held out', 'train it again'])
      t.regex(card, new RegExp(`^\\| ${row} \\| .{8,}`, 'm'), `${name}: ${row}`);
    const command = /node (demo\/models\/[\w.-]+\.js)/.exec(card)?.[1];
    t.true(command !== undefined && readFileSync(join(repositoryRoot, command)).length > 0, `${name}: its command`);
  }
});

sharedTest(
  'the text network needs at most 1.60 nats a character where it has not read',
  'tokens/tinyshakespeare.txt',
  async t => {
    const model = (await loadModel(readFileSync(join(folder, 'text.safetensors')))) as TrainableModel<number>;
    const weights = Object.values(model.weights()).reduce((sum, { length }) => sum + length, 0);
    t.true(weights <= 250_000, `${weights} weights`);
    const text = readFileSync(sharedPath('tokens/tinyshakespeare.txt'), 'utf8');
    const encoder = createEncoder(model.config.encoder!);
    // A fifth of what was held out: all of it is the business of the command on its card.
    const held = text.slice(Math.floor(0.9 * text.length)).slice(0, 22_000);
    const tokens = encoder.encode(encoder.initial(), held).inputs as number[];
    const trainer = createTrainer(model);
    let carry = model.zeroCarry();
    let nats = 0;
    tokens.slice(0, -1).forEach((token, i) => {
      const step = model.step(carry, token);
      carry = step.carry;
      nats += trainer.loss(step.logits, tokens[i + 1])!;
    });
    const mean = nats / (tokens.length - 1);
    t.log(`${mean.toFixed(4)} nats a character`);
    t.true(mean > 1 && mean <= 1.6, `${mean}`);
  },
);

sharedTest(
  'the activity network is right on more frames of the subject held out than one that says one thing',
  'sensors/sp-sw-har/s07_01_sp.csv',
  async t => {
    const model = await loadModel(readFileSync(join(folder, 'activity.safetensors')));
    const { labels = [], encoder: config } = model.config;
    const counts = labels.map(() => 0);
    let [right, frames] = [0, 0];
    for (const run of ['s07_01_sp.csv', 's07_02_sp.csv']) {
      const [head, ...lines] = readFileSync(sharedPath(`sensors/sp-sw-har/${run}`), 'utf8')
        .trim()
        .split('\n');
      const names = head.trim().split(',');
      const rows = lines.map(line =>
        Object.fromEntries(
          line
            .trim()
            .split(',')
            .map((cell, i) => [names[i], cell]),
        ),
      );
      // As text, cut anywhere: what a sender would do.
      const text = rows.map(({ label: _, ...row }) => JSON.stringify(row).replace(/"(-?[\d.e-]+)"/g, '$1')).join('\n');
      const encoder = createEncoder(config!);
      const inputs = [];
      let state = encoder.initial();
      for (let at = 0; at < text.length; at += 999) {
        const encoded = encoder.encode(state, text.slice(at, at + 999));
        state = encoded.state;
        inputs.push(...encoded.inputs);
      }
      inputs.push(...encoder.finish(state));
      t.is(inputs.length, rows.length);
      let carry = model.zeroCarry();
      inputs.forEach((input, i) => {
        const step = model.step(carry, input);
        carry = step.carry;
        const truth = labels.indexOf(rows[i].label);
        counts[truth]++;
        frames++;
        if (argmax(step.logits) === truth) right++;
      });
    }
    t.log(`${right} of ${frames}, the commonest ${Math.max(...counts)}`);
    t.true(right / frames > 0.55 && right > 1.5 * Math.max(...counts));
  },
);

sharedTest(
  'the spoken digits network hears each recording that it knows, an eighth as loud too, and few of their first quarters',
  'audio/fsdd',
  async t => {
    const model = await loadModel(readFileSync(join(folder, 'spoken-digits.safetensors')));
    const encoder = createEncoder(model.config.encoder!);
    /** By the mean of ln ŷ over the last 40 % of the frames, as the card says. */
    const hear = (samples: Int16Array): number => {
      const { inputs } = encoder.encode(encoder.initial(), samples);
      const sums = new Float32Array(10);
      let carry = model.zeroCarry();
      inputs.forEach((input, i) => {
        const step = model.step(carry, input as Float32Array);
        carry = step.carry;
        if (i >= 0.6 * inputs.length)
          step.prediction.forEach((p, digit) => {
            sums[digit] += Math.log(p);
          });
      });
      return argmax(sums);
    };
    const files = readdirSync(sharedPath('audio/fsdd')).filter(name =>
      /_(george|jackson|nicolas|theo|yweweler)_(5|9)\.wav$/.test(name),
    );
    t.is(files.length, 100);
    const right = { whole: 0, quiet: 0, cut: 0 };
    for (const file of files) {
      const digit = Number(file[0]);
      const { samples } = readWav(readFileSync(sharedPath(`audio/fsdd/${file}`)));
      const pcm = Int16Array.from(samples);
      if (hear(pcm) === digit) right.whole++;
      if (hear(pcm.map(sample => sample / 8)) === digit) right.quiet++;
      if (hear(pcm.slice(0, pcm.length / 4)) === digit) right.cut++;
    }
    t.log(right);
    t.true(right.whole >= 97 && right.quiet >= 90, JSON.stringify(right));
    t.true(right.cut < 70, 'a quarter of a word does not tell which it is');
  },
);

/** The words of a recording: what is within 35 dB of its loudest 10 ms, and no further than 0.1 s from more of it. */
function wordsOf(samples: Float32Array): Float32Array[] {
  const piece = 80;
  const powers = Array.from({ length: Math.floor(samples.length / piece) }, (_, i) =>
    samples.subarray(i * piece, (i + 1) * piece).reduce((sum, x) => sum + x * x, 0),
  );
  const loud = [...powers.keys()].filter(i => powers[i] > Math.max(...powers) * 10 ** -3.5);
  const first = loud.filter((at, i) => i === 0 || at - loud[i - 1] > 10);
  const last = loud.filter((at, i) => i === loud.length - 1 || loud[i + 1] - at > 10);
  return first.map((at, i) => samples.subarray(at * piece, (last[i] + 1) * piece));
}

test('the speech network is dark while there is quiet noise alone, lit in words, and dark in the gaps between them', async t => {
  const model = await loadModel(readFileSync(join(folder, 'speech.safetensors')));
  const encoder = createEncoder(model.config.encoder!);
  const { frame, hop } = encoder.config as unknown as { frame: number; hop: number };
  const say = (samples: Float32Array): number[] => {
    let carry = model.zeroCarry();
    return encoder.encode(encoder.initial(), samples).inputs.map(input => {
      const step = model.step(carry, input as Float32Array);
      carry = step.carry;
      return step.prediction[1];
    });
  };
  const random = createRandom(3);
  const noise = (seconds: number, deviation: number): Float32Array =>
    Float32Array.from({ length: seconds * 8000 }, () => deviation * random.normal());
  const share = (values: readonly number[], fits: (value: number) => boolean): number =>
    values.filter(fits).length / values.length;

  for (const deviation of [0, 1e-4, 1e-3, 3e-3])
    for (const seconds of [5, 60]) {
      const dark = share(say(noise(seconds, deviation)), value => value < 0.3);
      t.true(dark > 0.9, `${seconds} s of noise of ${deviation}: ${dark} dark`);
    }

  const { samples } = readWav(readFileSync(join(repositoryRoot, 'demo/listen/example.wav')));
  const words = wordsOf(Float32Array.from(samples as Int16Array, sample => sample / 32768));
  t.is(words.length, 5);
  const gap = 4000;
  for (const [deviation, gain] of [
    [0, 1],
    [3e-4, 1],
    [3e-4, 0.25],
    [2e-3, 1],
  ]) {
    const sound = noise((gap + words.reduce((sum, word) => sum + word.length + gap, 0)) / 8000, deviation);
    const spoken = new Uint8Array(sound.length);
    let at = gap;
    for (const word of words) {
      word.forEach((sample, n) => {
        sound[at + n] += gain * sample;
      });
      spoken.fill(1, at, at + word.length);
      at += word.length + gap;
    }
    const said = say(sound);
    const within = (kind: number): number[] => said.filter((_, i) => spoken[i * hop + frame / 2] === kind);
    const lit = share(within(1), value => value > 0.5);
    const dark = share(within(0), value => value < 0.3);
    t.true(lit > 0.85, `noise of ${deviation}, words times ${gain}: ${lit} of the words lit`);
    t.true(dark > 0.8, `noise of ${deviation}, words times ${gain}: ${dark} of the gaps dark`);
  }
});
