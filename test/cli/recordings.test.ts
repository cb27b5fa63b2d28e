import { mkdirSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { readRecordings } from '../../src/cli/recordings.js';
import { writeWav } from '../../src/encoders/wav.js';
import { InputError } from '../../src/errors.js';
import { createRandom } from '../../src/random.js';
import { eddy, folder } from '../helpers/cli.js';

/** A tone with noise, 16 bits at 8 kHz. */
function tone(hertz: number, seed: number, length = 1600): Int16Array {
  const random = createRandom(seed);
  return Int16Array.from(
    { length },
    (_, n) => 6000 * Math.sin((2 * Math.PI * hertz * n) / 8000) + 300 * random.normal(),
  );
}

const pitches: Readonly<Record<string, number>> = { a: 500, b: 1500, c: 2600 };

function write(t: ExecutionContext, sounds: Readonly<Record<string, Int16Array>>): (name: string) => string {
  const at = folder(t);
  for (const [name, samples] of Object.entries(sounds)) {
    const parts = name.split('/');
    if (parts.length > 1) mkdirSync(at(parts.slice(0, -1).join('/')), { recursive: true });
    writeFileSync(at(name), writeWav(8000, samples));
  }
  return at;
}

test('what a recording says is its name up to the first _, or its folder', async t => {
  const at = write(t, { 'flat/b_1.wav': tone(500, 1), 'flat/a.WAV': tone(500, 1), 'deep/x/1.wav': tone(500, 1) });
  writeFileSync(at('flat/notes.txt'), 'no sound');
  const targets = async (path: string, reading = {}) =>
    (await readRecordings(at(path), reading)).sequences.map(one => one.targets);
  t.deepEqual(await targets('flat'), [['a'], ['b']]);
  t.deepEqual(await targets('deep'), [['x']]);
  t.deepEqual(await targets('deep', { label: 'name' }), [['1']]);
  t.deepEqual(await targets('flat/b_1.wav'), [['b']]);
  t.deepEqual(await targets('', { label: 'folder' }), [['x'], ['flat'], ['flat']]);
});

test('a label that is spelled is its letters, or its parts between dashes', async t => {
  const at = write(t, { '314_x.wav': tone(500, 1), 'one-two_x.wav': tone(500, 1) });
  const { sequences } = await readRecordings(at(''), { spelled: true });
  t.deepEqual(
    sequences.map(one => one.targets),
    [
      ['3', '1', '4'],
      ['one', 'two'],
    ],
  );
  t.true(sequences.every(one => one.unaligned));
});

test('a file that is no sound is told by its name', async t => {
  const at = folder(t);
  writeFileSync(at('a.wav'), 'words');
  await t.throwsAsync(readRecordings(at(''), {}), {
    instanceOf: InputError,
    message: /WAV file with samples.*a\.wav/,
  });
});

test('eddy train learns a folder of sounds, and eval and pipe hear with what it learned', async t => {
  const sounds = Object.entries(pitches).flatMap(([name, hertz]) =>
    Array.from({ length: 6 }, (_, i) => [`all/${name}_${i}.wav`, tone(hertz + 20 * i, i)] as const),
  );
  const at = write(t, Object.fromEntries(sounds));
  const options = ['--hidden', '12', '--epochs', '12', '--batch', '4'];
  const trained = await eddy(t, '', 'train', at('all'), '--out', at('ear.safetensors'), ...options);
  t.is(trained.status, 0, trained.stderr);
  t.regex(trained.stdout, /13 features, 3 classes/);
  const judged = await eddy(t, '', 'eval', at('ear.safetensors'), at('all'), '--json');
  t.true(judged.lines[0].accuracy > 0.9, judged.stdout);
  const heard = await eddy(t, writeWav(8000, tone(1510, 77)), 'pipe', at('ear.safetensors'), '--top-k', '1');
  t.is(heard.lines.at(-1).top[0].label, 'b');
});

test('strings are learned without a label for any frame', async t => {
  const random = createRandom(5);
  const names = Array.from({ length: 24 }, () => Array.from({ length: 2 }, () => 'abc'[random.integer(3)]).join(''));
  const gap = () => tone(0, random.integer(1000), 500);
  const sounds = names.map((name, i) => {
    const parts = [...name].flatMap(letter => [...gap(), ...tone(pitches[letter], i, 900)]);
    return [`all/${name}_${i}.wav`, Int16Array.from([...parts, ...gap()])] as const;
  });
  const at = write(t, Object.fromEntries(sounds));
  const options = ['--spelled', '--hidden', '16', '--epochs', '70', '--batch', '4', '--rate', '0.02'];
  const trained = await eddy(t, '', 'train', at('all'), '--out', at('ear.safetensors'), ...options);
  t.is(trained.status, 0, trained.stderr);
  t.regex(trained.stdout, /label errors/);
  const judged = await eddy(t, '', 'eval', at('ear.safetensors'), at('all'), '--json');
  t.true(judged.lines[0]['label errors'] < 0.1, judged.stdout);
  const heard = await eddy(t, writeWav(8000, sounds[0][1]), 'pipe', at('ear.safetensors'), '--want', 'none');
  const said = heard.lines.flatMap(line => line.said);
  t.is([...said, ...heard.lines.at(-1).open].join(''), names[0]);
});
