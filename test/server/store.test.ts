import test from 'ava';
import { createMemoryStore } from '../../src/server/store.js';

const bytes = (length: number, fill = 0) => new Uint8Array(length).fill(fill);

test('what was put is taken once, the newest under its name', async t => {
  const store = createMemoryStore(100);
  t.deepEqual(await store.put('a', bytes(10, 1)), []);
  t.deepEqual(await store.put('a', bytes(20, 2)), []);
  t.is(store.bytes, 20);
  t.deepEqual(await store.take('a'), bytes(20, 2));
  t.is(await store.take('a'), undefined);
  t.deepEqual([store.bytes, store.size], [0, 0]);
});

test('beyond its bound it gives up what has rested longest, and tells which', async t => {
  const store = createMemoryStore(100);
  await store.put('a', bytes(40));
  await store.put('b', bytes(40));
  await store.put('a', bytes(41));
  t.deepEqual(await store.put('c', bytes(50)), ['b']);
  t.deepEqual(await store.put('d', bytes(101)), ['d']);
  t.is(store.bytes, 91);
  await store.delete('a');
  t.deepEqual([store.bytes, store.size], [50, 1]);
});
