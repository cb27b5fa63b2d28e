import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { createStrokes } from '../../src/encoders/strokes.js';
import { saveModel } from '../../src/model/checkpoint.js';
import { createModel } from '../../src/model/model.js';
import { eddy, folder, verses } from '../helpers/cli.js';
import { repositoryRoot } from '../helpers/repository.js';

test('what read a text writes like it, the same from the same seed', async t => {
  const at = folder(t);
  await eddy(t, verses(8000), 'pipe', '--learn', '--hidden', '32', '--every', '9999', '--save', at('m'));
  const write = async (...options: string[]) =>
    (await eddy(t, '', 'generate', at('m'), '--length', '120', '--prime', 'The r', ...options)).stdout;
  const bold = await write('--temperature', '0');
  t.is(bold.length, 120);
  t.regex(bold, /river|turns|returns/);
  t.is(await write('--seed', '4'), await write('--seed', '4'));
  t.not(await write('--seed', '4', '--temperature', '2'), await write('--seed', '5', '--temperature', '2'));
  t.is(await write('--top-k', '1'), bold);
});

test('characters are written as characters', async t => {
  const at = folder(t);
  const config = {
    input: { kind: 'token', size: 3 },
    layers: [{ cell: 'gru', size: 4 }],
    output: { kind: 'classes', size: 3 },
    encoder: { kind: 'characters', vocabulary: 'äß' },
  } as const;
  writeFileSync(at('m'), saveModel(await createModel(config)));
  const { stdout, status } = await eddy(t, '', 'generate', at('m'), '--length', '50', '--prime', 'ß');
  t.is(status, 0);
  t.is([...stdout].length, 50);
  t.regex(stdout, /^[äß\uFFFD]+$/);
  const prime = async (text: string) =>
    (await eddy(t, '', 'generate', at('m'), '--length', '1', '--prime', text)).stderr;
  t.regex(await prime('ßxäyx'), /does not know "x", "y" of --prime/);
  t.is(await prime('ßä'), '');
  const piped = await eddy(t, 'ßä?', 'pipe', at('m'));
  t.deepEqual(
    piped.lines.map(line => line.input),
    ['ß', 'ä', '\uFFFD'],
  );
});

test('a network of ink draws, the same from the same seed', async t => {
  const at = folder(t);
  const encoder = createStrokes({ kind: 'strokes', by: 'time', spacing: 20, unit: 10, letters: 'ab' });
  const layers = [{ cell: 'gru', size: 4 }] as const;
  const output = { kind: 'mixture', size: 2 } as const;
  const model = await createModel({ input: encoder.input, layers, output, encoder: { ...encoder.config } });
  writeFileSync(at('m'), saveModel(model));
  const draw = (...options: string[]) => eddy(t, '', 'generate', at('m'), ...options);
  const { stdout } = await draw('--svg', '--text', 'ab a', '--seed', '3');
  t.regex(stdout, /^<svg xmlns=.* viewBox=.*<path d="M[-\d. MLQ]+" .*<\/svg>\n$/);
  t.is((await draw('--svg', '--text', 'ab a', '--seed', '3')).stdout, stdout);
  t.not((await draw('--svg', '--text', 'ab a', '--seed', '4')).stdout, stdout);
  t.regex((await draw('--svg', '--text', 'xyz')).stderr, /--text to have one of the letters ab, got xyz/);
  t.regex((await draw()).stderr, /Expected --svg with a network of ink/);
});

test('what the help shows of ink is all drawn by the network of the pages', async t => {
  const { stdout } = await eddy(t, '', 'generate', '--help');
  const text = /hand\.safetensors .*--text "(.*?)"/.exec(stdout)![1];
  const hand = join(repositoryRoot, 'demo/models/hand.safetensors');
  const { status, stderr } = await eddy(t, '', 'generate', hand, '--svg', '--text', text, '--bias', '1');
  t.is(stderr, '');
  t.is(status, 0);
});

test('a network of rows does not write', async t => {
  const at = folder(t);
  await eddy(t, 'a\n1\n2\n', 'pipe', '--learn', '--format', 'csv', '--save', at('m'));
  const { status, stderr } = await eddy(t, '', 'generate', at('m'));
  t.is(status, 2);
  t.regex(stderr, /Expected a network of text/);
});
