import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import test from 'ava';
import { createLoadStream, type Load, type Meter } from '../../src/cli/load.js';

/** A response that keeps what is written, and is read as far as the test says. */
function listener() {
  const written: string[] = [];
  const emitter = new EventEmitter();
  const state = { status: 0, ended: false, unread: 0 };
  Object.defineProperty(emitter, 'writableLength', { get: () => state.unread });
  const response = Object.assign(emitter, {
    writeHead(status: number) {
      state.status = status;
    },
    write(text: string) {
      written.push(text);
    },
    end() {
      state.ended = true;
      emitter.emit('close');
    },
    destroy() {},
  }) as unknown as ServerResponse;
  return { response, written, state, leave: () => emitter.emit('close') };
}

function setUp() {
  let measuring = 0;
  let ticks: (() => void)[] = [];
  let readings = 0;
  const meter = (): Meter => {
    measuring++;
    return {
      read: (): Load => ({ time: ++readings, cpu: 0.5, memory: 0.25, delay: 1 }),
      stop: () => {
        measuring--;
      },
    };
  };
  const stream = createLoadStream(meter, work => {
    ticks.push(work);
    return () => {
      ticks = ticks.filter(one => one !== work);
    };
  });
  return {
    stream,
    tick: () => {
      for (const work of ticks) work();
    },
    measuring: () => [measuring, ticks.length],
  };
}

test('all who listen get every reading, and nothing is measured when nobody does', t => {
  const { stream, tick, measuring } = setUp();
  t.deepEqual(measuring(), [0, 0]);
  const [one, two] = [listener(), listener()];
  stream.listen(one.response);
  tick();
  stream.listen(two.response);
  tick();
  t.deepEqual(measuring(), [1, 1]);
  t.is(one.state.status, 200);
  t.deepEqual(one.written.slice(1), [
    'data: {"time":1,"cpu":0.5,"memory":0.25,"delay":1}\n\n',
    'data: {"time":2,"cpu":0.5,"memory":0.25,"delay":1}\n\n',
  ]);
  t.is(two.written.length, 2);
  one.leave();
  t.deepEqual(measuring(), [1, 1]);
  two.leave();
  t.deepEqual(measuring(), [0, 0]);
  stream.listen(one.response);
  t.deepEqual(measuring(), [1, 1], 'it begins again');
});

test('what is not read is not kept', t => {
  const { stream, tick } = setUp();
  const [slow, fast] = [listener(), listener()];
  stream.listen(slow.response);
  stream.listen(fast.response);
  slow.state.unread = 1 << 20;
  tick();
  t.is(slow.written.length, 1);
  t.is(fast.written.length, 2);
  slow.state.unread = 0;
  tick();
  t.is(slow.written.length, 2);
});

test('listeners are bounded, and closing ends them', t => {
  const { stream, measuring } = setUp();
  const all = Array.from({ length: 101 }, listener);
  for (const { response } of all) stream.listen(response);
  t.is(stream.listeners, 100);
  t.deepEqual([all[99].state.status, all[100].state.status, all[100].state.ended], [200, 503, true]);
  stream.close();
  t.true(all.every(({ state }) => state.ended));
  t.is(stream.listeners, 0);
  t.deepEqual(measuring(), [0, 0]);
  const late = listener();
  stream.listen(late.response);
  t.is(late.state.status, 503);
});

test('this machine has a load', t => {
  let tick = (): void => {};
  const stream = createLoadStream(undefined, work => {
    tick = work;
    return () => {};
  });
  const { response, written } = listener();
  stream.listen(response);
  tick();
  const load: Load = JSON.parse(written[1].slice('data: '.length));
  stream.close();
  t.true(load.cpu >= 0 && load.cpu <= 1);
  t.true(load.memory > 0 && load.memory < 1);
  t.true(load.delay >= 0 && Number.isFinite(load.delay));
  t.true(Math.abs(load.time - Date.now()) < 60_000);
});
