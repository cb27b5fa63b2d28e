import { PassThrough, Writable } from 'node:stream';
import test from 'ava';
import { createSink } from '../../src/cli/sink.js';

test('lines leave in order, and flush waits for room', async t => {
  const output = new PassThrough({ highWaterMark: 8 });
  const sink = createSink(output);
  sink.line('one');
  sink.line('two');
  let flushed = false;
  const flushing = sink.flush().then(() => {
    flushed = true;
  });
  await new Promise(resolve => setImmediate(resolve));
  t.false(flushed);
  t.is(String(output.read()), 'one\ntwo\n');
  await flushing;
});

test('a sink is full before it holds much', t => {
  const sink = createSink(new PassThrough());
  let lines = 0;
  while (!sink.full) {
    sink.line('x'.repeat(99));
    lines++;
  }
  t.true(lines * 100 <= 1 << 17);
});

test('an output that was closed takes what comes, and is said to be closed', async t => {
  const output = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('broken pipe'), { code: 'EPIPE' }));
    },
  });
  const sink = createSink(output);
  sink.line('one');
  await sink.flush();
  await new Promise(resolve => setImmediate(resolve));
  t.true(sink.closed);
  sink.line('two');
  await sink.flush();
  await sink.end();
});
