import { Observable, type OperatorFunction } from 'rxjs';
import { ConfigError, DivergenceError, expect, expectOptions, InputError, kindOf, StaleStateError } from '../errors.js';
import type { Input } from '../model/input.js';
import { checkState, type StreamState } from '../training/stream.js';
import { checkTrainer, type Trainer } from '../training/trainer.js';
import { follow } from './follow.js';
import type { Example, Forget, LateTarget, Learned, WithoutState } from './learned.js';
import { createLearner, type Learner } from './tbptt.js';

export interface BestOfOptions {
  /** α of the fading losses that are compared. Default 0.99, some 100 steps. */
  readonly fading?: number;
  /** A learner takes the lead when its fading loss is lower than the leader's by this much, in nats. Default 0. */
  readonly margin?: number;
  /** To resume from, as an emitted `state()` gave it. */
  readonly state?: BestState;
}

/** Everything several learners on one stream remember, besides their weights. */
export interface BestState {
  readonly leader: number;
  /** Of each learner: its stream (null once it has left), and S and B of its fading loss. */
  readonly learners: readonly { readonly stream: StreamState | null; readonly sum: number; readonly count: number }[];
}

/** What `bestOf` emits: the leader's answers, and every learner's updates and rollbacks. */
export type BestLearned = (
  | WithoutState<Learned>
  /** A learner diverged, or its state grew beyond float32, and it has left; the others go on. */
  | { readonly kind: 'diverged'; readonly error: DivergenceError }
) & {
  /** Place of the learner among the trainers. */
  readonly learner: number;
  /** What to resume from, as of the item that this belongs to: throws `StaleStateError` once the next one is taken. */
  state(): BestState;
};

/**
 * Several learners on one stream: each sees every example and learns from it, and each answer is that of the learner whose
 * fading loss has been best until then.
 *
 * It's like `tbptt` for each trainer, with one answer a step. Who leads follows from the losses of earlier steps alone, so that
 * the loss of the answer is prequential too; of equal ones the first leads. Updates and rollbacks are told of every learner; one
 * that diverges, or whose state grows beyond float32, leaves, and the error of the last one ends the stream.
 *
 * @param trainers of one kind of input and target, each with a model of its own: other learning rates, other cells
 * @throws ConfigError, at once, if an option is wrong, or two trainers share a model
 *
 * @example
 * rows.pipe(next(), bestOf([slow, middle, fast])).subscribe(({ learner }) => console.log(learner));
 */
export function bestOf<In extends Input = Input>(
  trainers: readonly Trainer[],
  options: BestOfOptions = {},
): OperatorFunction<Example<In> | LateTarget | Forget, BestLearned> {
  expectOptions(options, ['fading', 'margin', 'state']);
  const { fading = 0.99, margin = 0 } = options;
  const some = Array.isArray(trainers) && trainers.length > 0;
  expect(some, 'trainers', 'a list of one or more', (trainers as typeof trainers | null)?.length ?? trainers);
  for (const trainer of trainers) checkTrainer(trainer);
  checkAlike(trainers);
  expect(fading > 0 && fading <= 1, 'fading', 'above 0 and at most 1', fading);
  expect(margin >= 0 && margin < Number.POSITIVE_INFINITY, 'margin', 'a number from 0', margin);

  const { state } = options;
  if (state !== undefined) checkBest(trainers, state);

  return source =>
    new Observable(subscriber => {
      let leader = state?.leader ?? 0;
      let item = 0;
      /** What a loss counts as that is no finite number. */
      let far = farBehind;
      /** What the learners did with the item in hand: told when all have done it, so that all stand at the same step. */
      let told: BestLearned[] = [];
      const runners = trainers.map((trainer, learner): Runner => {
        const { stream = undefined, sum = 0, count = 0 } = state?.learners[learner] ?? {};
        const runner: Runner = { learner: undefined, sum, count, state: () => stream ?? null };
        if (stream === null) return runner;
        const begun = createLearner(trainer, event => heed(runner, learner, event), stream);
        return Object.assign(runner, { learner: begun });
      });

      function tell(
        learner: number,
        event: WithoutState<Learned> | { kind: 'diverged'; error: DivergenceError },
      ): void {
        const moment = item;
        told.push({
          ...event,
          learner,
          state() {
            if (moment !== item)
              throw new StaleStateError(
                'Expected state() to be called before the next item is taken, got a call after: call it when the event comes',
              );
            const learners = runners.map(one => ({ stream: one.state(), sum: one.sum, count: one.count }));
            return { leader, learners };
          },
        });
      }

      function heed(runner: Runner, learner: number, event: Learned): void {
        if ('state' in event) runner.state = event.state;
        if ((event.kind === 'step' || event.kind === 'late') && event.loss !== null) {
          runner.sum = Math.min(Number.isFinite(event.loss) ? event.loss : far, largestLoss) + fading * runner.sum;
          runner.count = 1 + fading * runner.count;
        }
        if (learner === leader || event.kind === 'update' || event.kind === 'rollback') tell(learner, event);
      }

      function run(runner: Runner, i: number, act: (learner: Learner) => void): void {
        if (runner.learner === undefined) return;
        try {
          act(runner.learner);
        } catch (error) {
          const last = runners.every(one => one === runner || one.learner === undefined);
          const diverged = error instanceof DivergenceError ? error : overgrown(error);
          if (diverged === undefined || last) throw error;
          Object.assign(runner, { learner: undefined, state: () => null });
          tell(i, { kind: 'diverged', error: diverged });
        }
      }

      const all = (act: (learner: Learner) => void): void => {
        item++;
        told = [];
        const { sum, count } = runners[leader];
        far = farBehind * Math.max(1, count > 0 ? sum / count : 1);
        try {
          for (const [i, runner] of runners.entries()) run(runner, i, act);
          leader = lead(runners, leader, margin);
        } finally {
          for (const event of told) if (!subscriber.closed) subscriber.next(event);
        }
      };

      follow(source, subscriber, {
        next: one => all(learner => learner.next(one)),
        complete: () => all(learner => learner.finish()),
      });
    });
}

/** One learner in the race, undefined once it has left, with S and B of its fading loss. */
interface Runner {
  learner: Learner | undefined;
  sum: number;
  count: number;
  state(): StreamState | null;
}

/** What is wrong with the state of a learner alone, and not with the item that all of them take. */
function overgrown(error: unknown): DivergenceError | undefined {
  if (!(error instanceof InputError && error.where === 'carry')) return undefined;
  return new DivergenceError('Expected the state of a learner to be finite numbers, got one that grew beyond float32');
}

/** Times the leader's fading loss: a loss that is no finite number puts a learner so far behind, until it has faded. */
const farBehind = 1000;
/** No loss counts as more: sums stay finite. */
const largestLoss = 1e100;

/** The lowest fading loss, if it is lower than the leader's by the margin. */
function lead(runners: readonly Runner[], leader: number, margin: number): number {
  const losses = runners.map(one => (one.learner === undefined ? Number.POSITIVE_INFINITY : one.sum / one.count));
  let best = leader;
  losses.forEach((loss, i) => {
    if (loss < (best === leader ? losses[leader] - margin : losses[best])) best = i;
  });
  // One that left leads no longer, though no other has a loss yet.
  return losses[best] === Number.POSITIVE_INFINITY ? runners.findIndex(one => one.learner !== undefined) : best;
}

/** @throws ConfigError */
function checkBest(trainers: readonly Trainer[], state: BestState): void {
  const found = state?.learners?.length;
  if (found !== trainers.length)
    throw new ConfigError(`Expected state.learners to be of ${trainers.length} trainers, got ${String(found)}`);
  if (!(Number.isInteger(state.leader) && state.leader >= 0 && state.leader < found))
    throw new ConfigError(`Expected state.leader to be the place of a trainer, got ${state.leader}`);
  state.learners.forEach((learner, i) => {
    const fits = Number.isFinite(learner?.sum) && Number.isFinite(learner.count) && learner.stream !== undefined;
    expect(fits, `state.learners[${i}]`, '{ stream, sum, count }', kindOf(learner));
    if (learner.stream !== null) checkState(trainers[i], learner.stream);
  });
}

/** @throws ConfigError */
function checkAlike(trainers: readonly Trainer[]): void {
  const [first] = trainers;
  trainers.forEach(({ model: { config, network } }, i) => {
    const same = trainers.findIndex(({ model }) => model.network === network);
    if (same !== i)
      throw new ConfigError(`Expected each trainer to have a model of its own, got that of ${same} again at ${i}`);
    for (const part of ['input', 'output'] as const) {
      const [wanted, found] = [first.model.config[part], config[part]];
      if (wanted.kind !== found.kind || wanted.size !== found.size)
        throw new ConfigError(
          `Expected ${part} of trainer ${i} to be ${wanted.size} ${wanted.kind}, as of the first, got ${found.size} ${found.kind}`,
        );
    }
  });
}
