import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { createEncoder } from '../../src/encoders/encoders.js';
import { loadModel } from '../../src/model/checkpoint.js';
import type { TrainableModel } from '../../src/model/model.js';
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
    t.truthy((await loadModel(bytes)).config);
    const card = readFileSync(join(folder, `${name}.md`), 'utf8');
    for (const row of ['network', 'data', 'held out', 'figures', 'train it again'])
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
