import test from 'ava';
import { withNulls } from '../../src/cli/numbers.js';
import { createTokens } from '../../src/cli/tokens.js';
import type { ModelConfig } from '../../src/model/config.js';
import type { Step } from '../../src/model/transfer.js';
import { timeOfRows } from '../helpers/pace.js';

const config: ModelConfig = {
  input: { kind: 'token', size: 2 },
  layers: [{ cell: 'gru', size: 1 }],
  output: { kind: 'classes', size: 2 },
};
const options = { config, horizon: 1, want: 'none', topK: 1 } as const;

const stepOf = (...logits: number[]): Step => {
  const numbers = Float32Array.from(logits);
  return { logits: numbers, prediction: numbers, carry: numbers };
};

test('after a loss that is no number, the mean of the newest ones goes on, and that of all has none, also from a file', t => {
  const task = createTokens(options);
  const say = (some: typeof task, step: Step): { loss: number | null; bits: number | null } => {
    some.items(0);
    return some.answer(step) as { loss: number | null; bits: number | null };
  };
  say(task, stepOf(Number.NaN, 0));
  const { loss, bits } = say(task, stepOf(0, 0));
  t.deepEqual([loss, bits], [null, null]);
  const saved = JSON.parse(JSON.stringify(withNulls(task.save())));
  const entry = { ...stepOf(0, 0), input: 0, target: undefined, fresh: false };
  const state = { carry: new Float32Array(1), steps: 2, updated: 0, entries: [entry] };
  const again = createTokens({ ...options, resumed: { states: new Map([['', state]]), saved } });
  for (const one of [task, again]) {
    t.deepEqual(say(one, stepOf(0, 0)).bits, 1);
    t.deepEqual(one.progress().slice(0, 2), ['NaN bits a character', 'lately 1.000']);
  }
});

test('no change is measured over the same steps as the network', t => {
  for (const horizon of [1, 2]) {
    const measured = { ...options, horizon, measured: true };
    const read = (task: ReturnType<typeof createTokens>, tokens: readonly number[]) => {
      for (const token of tokens) {
        task.items(token);
        task.answer(stepOf(0, 0));
      }
      const found = task.metrics?.();
      if (found?.kind !== 'classes') throw new Error('Expected classes');
      return [found.count, found.noChange.count, found.majority.count, found.noChange.accuracy.mean];
    };
    // One ahead, a change after 0, 0 and after 1, 1; two ahead, always.
    const tokens = [0, 0, 1, 1, 0, 0, 1];
    const count = tokens.length - horizon;
    const expected = [count, count, count, horizon === 1 ? 3 / 6 : 0];
    t.deepEqual(read(createTokens(measured), tokens), expected);
    // Also where a run that goes on is the first that is measured.
    const entries = tokens.slice(0, 3).map(input => ({ ...stepOf(0, 0), input, target: undefined, fresh: false }));
    const states = new Map([['', { carry: new Float32Array(1), steps: 3, updated: 0, entries }]]);
    const again = read(createTokens({ ...measured, resumed: { states, saved: undefined } }), tokens.slice(3));
    t.deepEqual(again.slice(0, 3), [4, 4, 4]);
  }
});

test('a token costs the same whatever the horizon', t => {
  const still = stepOf(0, 0);
  const timeAt = (horizon: number): number => {
    const task = createTokens({ ...options, horizon });
    return timeOfRows(i => {
      task.items(i % 2);
      task.answer(still);
    }, horizon);
  };
  timeAt(10);
  const [near, far] = [timeAt(10), timeAt(20_000)];
  t.log(`${near} ms, ${far} ms`);
  t.true(far < 8 * near, `${near} ms, ${far} ms`);
});
