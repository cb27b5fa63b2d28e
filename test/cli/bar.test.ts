import type { WriteStream } from 'node:tty';
import test from 'ava';
import { createBar } from '../../src/cli/bar.js';

/** What is written where 0 of 4 updates are done. */
function shown(stream: { isTTY: boolean; columns?: number }): string | undefined {
  const written: string[] = [];
  const bar = createBar(20, { ...stream, write: (text: string) => written.push(text) } as unknown as WriteStream);
  bar.show(0, 4, 1);
  bar.end();
  return written.find(text => text.includes('%'));
}

test('the bar of a training is whole parts, as many as the terminal has room for', t => {
  for (const [columns, line] of [
    [80, '░░░░░░░░░░░░░░░░░░░░ 0 % · epoch 1 of 20 · 0s left'],
    [50, '░░░░░░░░░░ 0 % · epoch 1 of 20 · 0s left'],
    [31, '0 % · epoch 1 of 20 · 0s left'],
    [21, '0 % · epoch 1 of 20'],
  ] as const)
    t.is(shown({ isTTY: true, columns }), line);
  t.is(shown({ isTTY: false }), undefined);
});
