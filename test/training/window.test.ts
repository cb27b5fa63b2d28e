import test from 'ava';
import { ConfigError } from '../../src/errors.js';
import { packWindows, type Window } from '../../src/training/window.js';

const window = (length: number): Window => ({
  carry: new Float32Array(1),
  inputs: Array.from({ length }, (_, i) => i),
  targets: Array.from({ length }, () => null),
});

test('windows are packed step by step, the longest first, equal ones in the given order', t => {
  const given = [window(2), window(4), window(1), window(2)];
  const { windows, blocks, steps } = packWindows(given);
  t.deepEqual(
    windows.map(one => given.indexOf(one)),
    [1, 0, 3, 2],
  );
  t.is(steps, 9);
  t.deepEqual(blocks, [
    { step: 0, previous: 0, count: 4 },
    { step: 4, previous: 4, count: 3 },
    { step: 7, previous: 8, count: 1 },
    { step: 8, previous: 11, count: 1 },
  ]);
});

test('the state before a step is the one that the same window left', t => {
  const { windows, blocks } = packWindows([window(3), window(5), window(5), window(1)]);
  blocks.forEach((block, time) => {
    for (let i = 0; i < block.count; i++) {
      const expected = time === 0 ? i : windows.length + blocks[time - 1].step + i;
      t.is(block.previous + i, expected);
    }
  });
});

test('an empty window, or one with another number of targets, is refused', t => {
  t.throws(() => packWindows([window(0)]), { instanceOf: ConfigError, message: /at least one step/ });
  t.throws(() => packWindows([{ ...window(2), targets: [null] }]), {
    instanceOf: ConfigError,
    message: /as many targets as inputs \(2\), got 1/,
  });
});
