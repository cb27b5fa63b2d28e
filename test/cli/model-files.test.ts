import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { findModels, type ModelFile, readModel } from '../../src/cli/model-files.js';
import { watchModels } from '../../src/cli/watch.js';
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
  const several = await findModels([at('models')], true);
  t.deepEqual([...several.keys()], ['a', 'b'], 'what came twice hides no other');
  t.deepEqual(several.get('a')!.others, [at('models/a.safetensors')]);
});

test('a file that cannot be looked at hides no other, once the server runs', async t => {
  const at = folder(t);
  for (const name of ['a.eddy', 'c.eddy']) writeFileSync(at(name), name);
  symlinkSync('b.eddy', at('b.eddy'));
  await t.throwsAsync(findModels([at('.')]), { code: 'ELOOP' });
  const found = await findModels([at('.')], true);
  t.deepEqual([...found.keys()], ['a', 'b', 'c']);
  t.is((await findModels([at('.')], true)).get('b')!.version, found.get('b')!.version, 'told once');
});

test('what lies in a folder and is no file is not read: a device, a pipe', async t => {
  if (process.platform === 'win32') return t.pass();
  const at = folder(t);
  symlinkSync('/dev/null', at('a.eddy'));
  spawnSync('mkfifo', [at('b.eddy')]);
  for (const [path, kind] of [
    [at('a.eddy'), 'device'],
    [at('b.eddy'), 'pipe'],
  ]) {
    const message = `Expected each checkpoint of a folder to be a file, got the ${kind} ${path}`;
    await t.throwsAsync(readModel(path, [at('.')]), { instanceOf: ConfigError, message });
  }
  await t.throwsAsync(readModel(at('a.eddy'), [at('a.eddy')]), { code: 'EDDY_CHECKPOINT', message: /an empty file/ });
});

test('that files cannot be looked for is told once, until they can', async t => {
  let reason = 'EACCES';
  const told: unknown[] = [];
  const { look } = watchModels(
    async () => {
      if (reason !== '') throw new Error(reason);
      return new Map();
    },
    new Map(),
    async () => t.fail(),
    () => t.fail(),
    error => told.push((error as Error).message),
  );
  for (reason of ['EACCES', 'EACCES', 'EIO', 'EIO', '', 'EIO']) await look();
  t.deepEqual(told, ['EACCES', 'EIO', 'EIO']);
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
    () => t.fail(),
    () => t.fail(),
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

test('a name that several files have is told once and stays as it is, and all others go on', async t => {
  const served = new Map([['a', file('a', '1')]]);
  let now: ReadonlyMap<string, ModelFile> = served;
  const told: unknown[] = [];
  const { look } = watchModels(
    async () => now,
    served,
    async (name, changed) => void told.push([name, changed?.version]),
    (name, paths) => told.push([name, paths]),
    () => t.fail(),
  );
  const after = async (...files: ModelFile[]) => {
    now = new Map(files.map(one => [one.name, one]));
    await look();
    return told.splice(0);
  };
  const two = (version: string) => ({ ...file('a', version), others: ['a.safetensors'] });
  t.deepEqual(await after(two('1')), [['a', ['a.eddy', 'a.safetensors']]]);
  t.deepEqual(await after(two('2'), file('b', '1')), []);
  t.deepEqual(await after(two('2'), file('b', '1')), [['b', '1']]);
  t.deepEqual(await after(file('a', '1'), file('b', '1')), [], 'as it was');
  t.deepEqual(await after(two('1'), file('b', '1')), [['a', ['a.eddy', 'a.safetensors']]]);
  t.deepEqual(await after(file('a', '3'), file('b', '1')), []);
  t.deepEqual(await after(file('a', '3'), file('b', '1')), [['a', '3']]);
  t.deepEqual(await after(two('3')), [['a', ['a.eddy', 'a.safetensors']]]);
  t.deepEqual(await after(), [['b', undefined]]);
  t.deepEqual(await after(), [['a', undefined]]);
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
