import { spawnSync } from 'node:child_process';
import test from 'ava';

const heap = new URL('../../src/cli/heap.js', import.meta.url).href;

/** What a process of its own says while it runs this. */
function said(code: string): string {
  return spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' }).stderr;
}

test('this V8 takes what it is told of the heap', t => {
  t.is(said(`(await import('${heap}')).letHeapGrow()`), '');
  // It says so where it does not.
  t.regex(said(`(await import('node:v8')).setFlagsFromString('--heap-growing-nothing=300')`), /unrecognized/);
});
