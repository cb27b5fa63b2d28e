import test from 'ava';
import { ConfigError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import { createStream, type Entry, type StreamMark, type StreamState } from '../../src/training/stream.js';
import { checkState } from '../../src/training/stream-state.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import { config } from '../helpers/models.js';

type Loose<Part> = { -readonly [Name in keyof Part]?: unknown };

/** A learner with a guard, and a stream of five steps, the last of them without a target. */
async function stream(): Promise<{ trainer: Trainer; state: StreamState }> {
  const model = await createModel(config('gru', [3], { kind: 'features', size: 2 }, { kind: 'gaussian', size: 2 }), {
    seed: 4,
  });
  const trainer = createTrainer(model, { k1: 2, k2: 4, lateness: 2, guard: {}, replay: { windows: 1, capacity: 8 } });
  const random = createRandom(3);
  const learner = createStream(trainer);
  for (let i = 1; i <= 5; i++) {
    const target = Float32Array.of(random.normal(), random.normal());
    learner.step(Float32Array.of(random.normal(), random.normal()), i < 5 ? target : undefined, i);
    if (learner.windows.due()) learner.heed(trainer.learnMany(learner.windows.take()));
  }
  return { trainer, state: learner.state() };
}

const entry =
  (change: Loose<Entry>) =>
  ({ entries }: StreamState): Loose<StreamState> => ({
    entries: [...entries.slice(0, -1), { ...entries[4], ...change }],
  });
const mark =
  (change: Loose<StreamMark>) =>
  (state: StreamState): Loose<StreamState> => ({ mark: { ...state.mark!, ...change } });

const wrong: [string, (state: StreamState) => Loose<StreamState>, RegExp][] = [
  ['a carry of another size', () => ({ carry: new Float32Array(2) }), /state\.carry to be 3 numbers, got 2/],
  ['steps beyond all counting', () => ({ steps: 2 ** 52 + 1 }), /state\.steps to be an integer from 0 to 2\^52/],
  ['half a step', () => ({ updated: 0.5 }), /state\.updated to be an integer from 0 to 5, got 0\.5/],
  ['a beginning after its end', () => ({ began: 6 }), /state\.began to be an integer from 0 to 5, got 6/],
  ['more steps than there were', () => ({ began: 1 }), /state\.entries to be at most 4 steps, got 5/],
  ['a random state that is none', () => ({ random: new Uint32Array(4) }), /state\.random .*not all zero/],
  [
    'no step',
    ({ entries }) => ({ entries: [null, ...entries.slice(1)] }),
    /state\.entries\[0\] to be a step, got null/,
  ],
  [
    'a carry before a step that is not finite',
    entry({ carry: Float32Array.of(0, Number.NaN, 0) }),
    /entries\[4\]\.carry\[1\] to be a finite number, got NaN/,
  ],
  [
    'an input that is not finite',
    entry({ input: Float32Array.of(0, Number.NaN) }),
    /entries\[4\] .*input\[1\] to be a finite number, got NaN/,
  ],
  ['an input of another kind', entry({ input: 3 }), /entries\[4\] .*Float32Array of 2 features, got number/],
  ['logits of another size', entry({ logits: new Float32Array(2) }), /entries\[4\]\.logits to be 4 numbers, got 2/],
  ['no prediction', entry({ prediction: undefined }), /entries\[4\]\.prediction to be 4 numbers, got undefined/],
  [
    'a target that is not finite',
    entry({ target: Float32Array.of(Number.NaN, 0) }),
    /entries\[4\] .*target\[0\] to be finite, got NaN/,
  ],
  [
    'a weight that is not finite',
    entry({ weight: Number.NaN }),
    /entries\[4\] .*weight to be a finite number from 0, got NaN/,
  ],
  ['a step that is to be learned without a target', entry({ fresh: true }), /fresh and unread only with a target/],
  [
    'a readout that is to learn without a target',
    entry({ target: null, unread: true }),
    /fresh and unread only with a target/,
  ],
  [
    'a mark that is not finite',
    mark({ carry: new Float32Array(3).fill(Number.NaN) }),
    /state\.mark\.carry\[0\] to be a finite number/,
  ],
  ['a mark after its end', mark({ steps: 6 }), /state\.mark\.steps to be an integer from 0 to 5, got 6/],
  ['a mark without its random state', mark({ random: new Uint32Array(4) }), /state\.mark\.random .*not all zero/],
  [
    'a next mark that is not finite',
    state => mark({ next: { ...state.mark!.next!, carry: new Float32Array(3).fill(Infinity) } })(state),
    /state\.mark\.next\.carry\[0\]/,
  ],
];

for (const [what, change, message] of wrong) {
  test(`a state with ${what} is refused`, async t => {
    const { trainer, state } = await stream();
    t.notThrows(() => checkState(trainer, state));
    const changed = { ...state, ...change(state) } as StreamState;
    t.throws(() => checkState(trainer, changed), { instanceOf: ConfigError, message });
    t.throws(() => createStream(trainer, changed), { instanceOf: ConfigError, message });
  });
}

test('a stream that grew beyond float32 is still saved: it marks the place before, from which a rollback steps it', async t => {
  const { trainer, state } = await stream();
  const grown = { ...state, carry: new Float32Array(3).fill(Number.POSITIVE_INFINITY) };
  const learner = createStream(trainer, grown);
  const { mark: before } = learner.state();
  learner.heed({ good: true });
  const { mark: after } = learner.state();
  t.deepEqual(after!.next!.carry, before!.next!.carry);
  t.notThrows(() => checkState(trainer, learner.state()));
  const { mark: _, ...unmarked } = grown;
  const begun = createStream(trainer, unmarked);
  t.notThrows(() => checkState(trainer, begun.state()));
  learner.heed({ rollback: { reason: 'leap', lost: 1, rate: 1, inRow: 1 } });
  t.true(learner.state().carry.every(Number.isFinite));
});
