import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { eddy, finished, folder, main, verses, waves } from '../helpers/cli.js';

function replaced(lines: string[], at: number, line: string): string[] {
  return lines.map((old, i) => (i === at ? line : old));
}

test('what was predicted is predicted again, bit for bit', async t => {
  const at = folder(t);
  for (const [name, input, ...options] of [
    ['text', verses(150), '--hidden', '12'],
    ['readings', waves(60, 3), '--key', 'key', '--horizon', '2'],
  ]) {
    const run = await eddy(t, input, 'pipe', '--learn', ...options, '--record', at(name), '--save', at('m'));
    t.is(run.status, 0, run.stderr);
    const verified = await eddy(t, '', 'replay', '--verify', at(name));
    t.regex(verified.stdout, /^the same: (150|60) steps, \d+ updates\n$/);
    t.is(verified.status, 0, verified.stderr);
    t.is((await eddy(t, '', 'replay', at(name))).stdout, run.stdout);
  }
  // A run that goes on from a checkpoint, of which its record has all.
  const resumed = await eddy(t, waves(9, 3, 60), 'pipe', '--learn', '--save', at('m'), '--resume', '--record', at('r'));
  t.is(resumed.status, 0, resumed.stderr);
  writeFileSync(at('m'), 'gone');
  t.is((await eddy(t, '', 'replay', '--verify', at('r'))).status, 0);
});

test('a record is proven also where there is no WebAssembly', async t => {
  const at = folder(t);
  await eddy(t, verses(80), 'pipe', '--learn', '--hidden', '8', '--record', at('r'));
  const child = spawn(process.execPath, ['--jitless', main, 'replay', '--verify', at('r')], { stdio: 'pipe' });
  const { stdout, status } = await finished(child);
  t.is(status, 0);
  t.is(stdout, 'the same: 80 steps, 10 updates\n');
});

test('a record that somebody has changed is caught, and the first difference is named', async t => {
  const at = folder(t);
  await eddy(t, waves(40), 'pipe', '--learn', '--ignore', 'key', '--record', at('r'));
  const lines = readFileSync(at('r'), 'utf8').trimEnd().split('\n');
  const [header, end] = [lines[0], lines[lines.length - 1]];
  t.is(lines.length, 42);

  const changed = async (edit: (lines: string[]) => string[]) => {
    writeFileSync(at('other'), `${edit([...lines]).join('\n')}\n`);
    return eddy(t, '', 'replay', '--verify', at('other'));
  };
  const step = (number: number, edit: (step: { frame: { inputs: number[] }; prediction: string }) => void) =>
    changed(all => {
      const parsed = JSON.parse(all[number]);
      edit(parsed);
      return replaced(all, number, JSON.stringify(parsed));
    });

  const prediction = await step(20, one => {
    const bytes = Buffer.from(one.prediction, 'base64');
    bytes[4] ^= 1;
    one.prediction = bytes.toString('base64');
  });
  t.is(prediction.status, 1);
  t.regex(prediction.stderr, /step 20, output 1 \("b"\): expected 0x[0-9a-f]{8} \(.*\), found 0x[0-9a-f]{8} \(/);

  const input = await step(15, one => {
    one.frame.inputs[0] += 1e-3;
  });
  t.is(input.status, 1);
  t.regex(input.stderr, /step 1[56], output \d/);

  const missing = await changed(all => all.filter((_, i) => i !== 10));
  t.is(missing.status, 1);
  t.regex(missing.stderr, /line 11: expected step 10, found step 11/);

  const seed = await changed(all => replaced(all, 0, header.replace('"seed":0', '"seed":1')));
  t.is(seed.status, 1);
  // A new network of readings foretells no change until its first update, which step 2 brings.
  t.regex(seed.stderr, /step 3, output 0/);

  const cut = await changed(all => all.slice(0, 30));
  t.is(cut.status, 1);
  t.regex(cut.stderr, /no end after step 29/);
  // As a full disk leaves it: in the middle of a line.
  writeFileSync(at('other'), `${lines.slice(0, 30).join('\n')}\n${lines[30].slice(0, 40)}`);
  const within = await eddy(t, '', 'replay', '--verify', at('other'));
  t.is(within.status, 1);
  t.regex(within.stderr, /the record was cut: it has no end after step 29, and up to there all is the same\n$/);

  const weights = await changed(all => replaced(all, 41, end.replace(/"weights":"./, '"weights":"x')));
  t.regex(weights.stderr, /the weights at the end: expected/);
  const spaced = await changed(all => replaced(all, 5, all[5].replace('{', '{ ')));
  t.is(spaced.status, 1);
  t.regex(spaced.stderr, /no prediction differs/);
});

test('a file that is no record is told apart', async t => {
  const at = folder(t);
  for (const [content, message] of [
    ['', 'an empty file'],
    ['hello', 'begins with hello'],
    ['{"record":2}', 'format 2'],
    ['{"record":1,"plan":{}}', 'does not say what was done'],
  ]) {
    writeFileSync(at('r'), content);
    const { status, stderr } = await eddy(t, '', 'replay', '--verify', at('r'));
    t.is(status, 1);
    t.true(stderr.startsWith('eddy: EDDY_RECORD: Expected a record') && stderr.includes(message), stderr);
  }
});
