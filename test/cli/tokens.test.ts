import test from 'ava';
import { withNulls } from '../../src/cli/numbers.js';
import { createTokens } from '../../src/cli/tokens.js';
import type { ModelConfig } from '../../src/model/config.js';
import type { Step } from '../../src/model/transfer.js';

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
