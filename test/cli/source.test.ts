import { PassThrough } from 'node:stream';
import test from 'ava';
import { createSource, type Overflow } from '../../src/cli/source.js';

function bytesOf(overflow: Overflow, queue = 3, lasting = false) {
  const input = new PassThrough();
  const read = (chunk: Uint8Array) => Array.from(chunk);
  return { input, source: createSource<number>(input, { read, end: () => [255], overflow, queue, lasting }) };
}

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve));
};

test('block gives everything, then what is left, then null', async t => {
  const { input, source } = bytesOf('block');
  input.write(Uint8Array.of(1, 2));
  t.deepEqual(await source.take(), [1, 2]);
  const waiting = source.take();
  input.write(Uint8Array.of(3));
  t.deepEqual(await waiting, [3]);
  input.end();
  t.deepEqual(await source.take(), [255]);
  t.is(await source.take(), null);
  t.is(source.dropped, 0);
});

test('block does not read what nobody takes', async t => {
  const { input, source } = bytesOf('block');
  let written = 0;
  while (input.write(new Uint8Array(1024))) written += 1024;
  await turns(20);
  t.true(input.writableNeedDrain);
  t.true((await source.take())!.length <= 4096);
  t.true(written <= 2 * 65_536);
});

test('a source that is stopped gives what was read already, and of a file nothing', async t => {
  for (const lasting of [false, true]) {
    const { input, source } = bytesOf('block', 3, lasting);
    input.write(Uint8Array.of(1, 2, 3));
    await turns(5);
    t.is(source.stop(), lasting ? 0 : 3);
    input.write(Uint8Array.of(4));
    t.deepEqual(await source.take(), lasting ? null : [1, 2, 3]);
    t.is(await source.take(), null);
  }
});

test('a stop ends the waiting for more', async t => {
  for (const overflow of ['block', 'latest'] as const) {
    const { source } = bytesOf(overflow);
    const waiting = source.take();
    source.stop();
    t.is(await waiting, null);
  }
});

test('drop-oldest keeps the newest of a queue, latest the newest alone, and both count', async t => {
  for (const [overflow, kept] of [
    ['drop-oldest', [7, 8, 9]],
    ['latest', [9]],
  ] as const) {
    const { input, source } = bytesOf(overflow);
    input.write(Uint8Array.of(1, 2, 3, 4));
    input.write(Uint8Array.of(5, 6, 7, 8, 9));
    await turns(5);
    for (const value of kept) t.deepEqual(await source.take(), [value]);
    t.is(source.dropped, 9 - kept.length);
    input.end();
    t.deepEqual(await source.take(), [255]);
    t.is(await source.take(), null);
  }
});

test('what cannot be read takes the place of no frame that can, and comes in its turn', async t => {
  const isMalformed = (frame: number) => frame >= 100;
  for (const [overflow, bytes, kept] of [
    ['latest', [1, 2, 100], [2, 100]],
    ['latest', [1, 100, 2, 101, 3], [101, 3]],
    ['latest', [100, 101], [101]],
    ['drop-oldest', [1, 100, 2, 101, 3, 102, 103], [1, 2, 101, 3, 102, 103]],
    ['drop-oldest', [100, 1, 2, 3, 4, 5], [100, 3, 4, 5]],
  ] as const) {
    const input = new PassThrough();
    const read = (chunk: Uint8Array) => Array.from(chunk);
    const source = createSource<number>(input, { read, end: () => [], overflow, queue: 3, isMalformed });
    input.end(Uint8Array.from(bytes));
    await turns(5);
    const taken = [];
    for (let frames = await source.take(); frames !== null; frames = await source.take()) taken.push(...frames);
    t.deepEqual(taken, kept as readonly number[] as number[]);
    t.is(source.dropped, bytes.length - kept.length);
  }
});

test('an input that fails is told to who takes', async t => {
  for (const overflow of ['block', 'latest'] as const) {
    const { input, source } = bytesOf(overflow);
    input.destroy(new Error('unplugged'));
    await t.throwsAsync(source.take(), { message: 'unplugged' });
  }
});
