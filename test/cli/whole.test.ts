import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { checkApart, checkPlace } from '../../src/cli/keep.js';
import { ConfigError } from '../../src/errors.js';
import { targetOf, writeWhole, writeWholeMeanwhile } from '../../src/server/whole.js';
import { eddy, folder, main, verses } from '../helpers/cli.js';

const onUnix = process.platform === 'win32' ? test.skip : test;
const ways = [writeWhole, writeWholeMeanwhile];
const bytes = (text: string) => new TextEncoder().encode(text);

/** A number that no process has. */
const gone = (): number => spawnSync(process.execPath, ['-e', '']).pid;

onUnix('a file that cannot be written whole is named, and the old one stays', t => {
  const at = folder(t);
  const save = (limit: string, text: string) =>
    spawnSync(
      'sh',
      ['-c', `ulimit -f ${limit}; exec "$0" "$@"`, process.execPath, main, 'pipe', '--learn', '--save', at('net')],
      { input: text, encoding: 'utf8' },
    );
  t.is(save('unlimited', 'one').status, 0);
  const before = readFileSync(at('net'));
  const { status, stderr } = save('8', 'two');
  t.is(status, 1);
  t.true(stderr.endsWith(`eddy: EFBIG: it may not be as large as that: ${at('net')}\n`), stderr);
  t.deepEqual(readFileSync(at('net')), before);
  t.deepEqual(readdirSync(at('')), ['net']);
});

for (const write of ways) {
  onUnix(`a link stays, and what it leads to is written, there or not yet: ${write.name}`, async t => {
    const at = folder(t);
    mkdirSync(at('deep/other'), { recursive: true });
    symlinkSync('deep', at('folder'));
    symlinkSync('other/target', at('folder/link'));
    symlinkSync('folder/link', at('first'));
    for (const text of ['one', 'two']) {
      await write(at('first'), bytes(text));
      t.is(readFileSync(at('deep/other/target'), 'utf8'), text);
    }
    t.true(lstatSync(at('first')).isSymbolicLink() && lstatSync(at('deep/link')).isSymbolicLink());
    t.deepEqual(readdirSync(at('deep')), ['link', 'other']);
    t.deepEqual(readdirSync(at('deep/other')), ['target']);
  });

  onUnix(`who may read a file stays as it was: ${write.name}`, async t => {
    const at = folder(t);
    for (const mode of [0o600, 0o640, 0o666]) {
      writeFileSync(at('m'), '');
      chmodSync(at('m'), mode);
      await write(at('m'), bytes('new'));
      t.is(statSync(at('m')).mode & 0o777, mode);
    }
  });

  onUnix(`what is no file is not replaced: ${write.name}`, async t => {
    const at = folder(t);
    spawnSync('mkfifo', [at('pipe')]);
    symlinkSync('/dev/null', at('link'));
    for (const name of ['pipe', 'link']) await t.throwsAsync(async () => write(at(name), bytes('x')), isNoFile);
    t.true(lstatSync(at('pipe')).isFIFO());
    t.true(statSync('/dev/null').isCharacterDevice());
  });

  test(`what a killed run left is gone with the next, and what others write is not: ${write.name}`, async t => {
    const at = folder(t);
    const others = ['m.tmp', 'm.12x.tmp', `m.${process.ppid}.tmp`, `other.${gone()}.tmp`];
    for (const name of [...others, `m.${gone()}.tmp`, `m.${process.pid}.tmp`]) writeFileSync(at(name), '');
    await write(at('m'), bytes('new'));
    t.deepEqual(readdirSync(at('.')).sort(), [...others, 'm'].sort());
  });

  test(`a write that fails leaves the old file and nothing beside it: ${write.name}`, async t => {
    const at = folder(t);
    writeFileSync(at('m'), 'old');
    await t.throwsAsync(async () => write(at('m'), 'no bytes'.length as unknown as Uint8Array), {
      instanceOf: TypeError,
    });
    t.deepEqual(readdirSync(at('.')), ['m']);
    t.is(readFileSync(at('m'), 'utf8'), 'old');
    rmSync(at('m'));
  });
}

const isNoFile = { instanceOf: ConfigError, message: /to be a file, got the (pipe|device) / };

onUnix('what is no file is refused before anything is learned', async t => {
  const at = folder(t);
  t.throws(() => checkPlace('/dev/null', '--save'), {
    instanceOf: ConfigError,
    message: 'Expected --save to be a file, got the device /dev/null',
  });
  const { status, stderr } = await eddy(t, verses(9), 'pipe', '--learn', '--hidden', '8', '--save', '/dev/null');
  t.is(status, 2, stderr);
  t.throws(() => checkPlace(at('.'), '--out'), { message: /^Expected --out to be a file, got the folder / });
  t.notThrows(() => checkPlace(at('new'), '--out'));
});

onUnix('two links to one file are one place', t => {
  const at = folder(t);
  symlinkSync('rows.csv', at('link'));
  for (const there of [false, true]) {
    if (there) writeFileSync(at('rows.csv'), '1');
    t.is(targetOf(at('link')), `${realpathSync(at('.'))}/rows.csv`);
    t.throws(() => checkApart([at('rows.csv')], { '--out': at('link') }), { message: /two files, got .*link twice$/ });
  }
  t.is(targetOf(at('no/such/place')), at('no/such/place'));
});

onUnix('a link that leads to itself is told by the system', (t: ExecutionContext) => {
  const at = folder(t);
  symlinkSync('loop', at('loop'));
  t.throws(() => targetOf(at('loop')), { code: 'ELOOP' });
});
