import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { findModels, type ModelFile, watchModels } from '../../src/cli/model-files.js';
import { ConfigError } from '../../src/errors.js';
import { folder } from '../helpers/cli.js';

test('files are found by name, in a folder those that are checkpoints', async t => {
  const at = folder(t);
  mkdirSync(at('models'));
  for (const name of ['b.eddy', 'a.safetensors', 'notes.txt', 'c.eddy.77.tmp'])
    writeFileSync(at(`models/${name}`), name);
  writeFileSync(at('other.bin'), '');
  const found = await findModels([at('models'), at('other.bin')]);
  t.deepEqual([...found.keys()], ['a', 'b', 'other']);
  await t.throwsAsync(findModels([at('none.eddy')]), { code: 'ENOENT' });
  const stillThere = await findModels([at('none.eddy'), at('other.bin'), at('no-folder')], true);
  t.deepEqual([...stillThere.keys()], ['other'], 'one that is gone hides no other');
  writeFileSync(at('models/a.eddy'), '');
  await t.throwsAsync(findModels([at('models')]), { instanceOf: ConfigError, message: /different names, got a twice/ });
});

const file = (name: string, version: string): ModelFile => ({ name, path: `${name}.eddy`, version });

test('a change is told once, when two looks have seen the same', async t => {
  let now = new Map([['a', file('a', '1')]]);
  const told: [string, string | undefined][] = [];
  const { look } = watchModels(
    async () => now,
    now,
    async (name, changed) => {
      told.push([name, changed?.version]);
    },
  );
  const after = async (...files: ModelFile[]) => {
    now = new Map(files.map(one => [one.name, one]));
    await look();
    return told.splice(0);
  };
  t.deepEqual(await after(file('a', '1')), []);
  t.deepEqual(await after(file('a', '2')), []);
  t.deepEqual(await after(file('a', '3')), [], 'still being written');
  t.deepEqual(await after(file('a', '3')), [['a', '3']]);
  t.deepEqual(await after(file('a', '3'), file('b', '1')), []);
  t.deepEqual(await after(file('a', '3'), file('b', '1')), [['b', '1']]);
  t.deepEqual(await after(file('b', '1')), []);
  t.deepEqual(await after(file('b', '1')), [['a', undefined]]);
  t.deepEqual(await after(file('b', '1')), []);
});

test('a file that is put in the place of another has another version', async t => {
  const at = folder(t);
  writeFileSync(at('a.eddy'), 'one');
  const first = (await findModels([at('a.eddy')])).get('a')!.version;
  t.is((await findModels([at('a.eddy')])).get('a')!.version, first);
  writeFileSync(at('beside'), 'two');
  renameSync(at('beside'), at('a.eddy'));
  t.not((await findModels([at('a.eddy')])).get('a')!.version, first);
  rmSync(at('a.eddy'));
});
