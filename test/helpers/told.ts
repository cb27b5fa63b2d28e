/** What the clients of a storm are told, and what they must be told: a fold of what they sent, by the definition of a step. */
import type { RemoteLearned, RemoteStep } from '../../src/client/index.js';
import type { TrainableModel } from '../../src/model/model.js';
import { answerStep, effectiveWant } from '../../src/server/answer.js';
import type { Applied } from '../../src/server/learner.js';
import { createStream, type LearningStream } from '../../src/training/stream.js';
import { createTrainer } from '../../src/training/trainer.js';
import type { TargetValue } from '../../src/wire/messages.js';
import { bits } from './bits.js';
import { type Client, drawModel, isShared, isTarget, learning, type Storm, unmoved } from './storms.js';

/** What one client was told, in order, to the bit. */
export type Told = readonly string[];

export interface Outcome {
  readonly told: readonly Told[];
  /** Of a shared learner at the end. */
  readonly weights: string;
  /** Of shared learners: what was applied, and whose it was. */
  readonly applied: readonly { readonly client: number; readonly applied: Applied }[];
}

export const weightsOf = (model: TrainableModel): string => Object.values(model.weights()).map(bits).join();

const nothing = new Float32Array(0);

export function show(event: RemoteStep | RemoteLearned): string {
  if (!('kind' in event)) {
    const { number, prediction, topIndices = [], topValues = nothing, carry = nothing } = event;
    return `${number}: ${bits(prediction)} top ${topIndices} ${bits(topValues)} carry ${bits(carry)}`;
  }
  if (event.kind === 'step') return `step ${event.number}: ${bits(event.step.prediction)} loss ${event.loss}`;
  if (event.kind === 'update') {
    const { count, loss, gradientNorm, windows } = event.update;
    return `update ${count}: loss ${loss} norm ${gradientNorm} windows ${windows}`;
  }
  return `${event.kind} ${event.number}: ${'loss' in event ? event.loss : ''}`;
}

/** In words, the first thing that a client was told otherwise than by a fold: of its own items, or of what a shared learner applied. */
export async function firstFault(storm: Storm, { told, weights, applied }: Outcome): Promise<string | undefined> {
  const folded = isShared(storm) ? await fold(applied, storm.clients.length, true) : await foldAlone(storm);
  for (const [client, expected] of folded.told.entries()) {
    const at = expected.findIndex((event, i) => event !== told[client][i]);
    if (at < 0 && told[client].length === expected.length) continue;
    const place = at < 0 ? expected.length : at;
    const { learn } = storm.clients[client];
    return `client ${client} (${learn}), event ${place}: expected ${expected[place] ?? 'no more'}, got ${told[client][place] ?? 'no more'}`;
  }
  return folded.weights === weights ? undefined : 'the weights of the shared learner';
}

interface Folded {
  readonly told: readonly Told[];
  readonly weights: string;
}

async function foldAlone({ clients }: Storm): Promise<Folded> {
  const told: Told[] = [];
  for (const client of clients) {
    told.push(client.learn === 'none' ? foldSteps(client) : (await fold(appliedOf(client), 1, false)).told[0]);
  }
  return { told, weights: '' };
}

function foldSteps({ items, want }: Client): Told {
  const told: string[] = [];
  const effective = effectiveWant(want, unmoved.config.output.size);
  let carry = unmoved.zeroCarry();
  for (const [i, { item }] of items.entries()) {
    const step = unmoved.step(carry, item as Float32Array);
    carry = step.carry;
    const answer = answerStep(effective, i + 1, step, null);
    if (answer === undefined) continue;
    if (want.last) told.length = 0;
    told.push(show({ prediction: nothing, ...answer, number: i + 1 } as RemoteStep));
  }
  return told;
}

/** What a learner applies of the items of one client. */
function appliedOf({ items }: Client): Outcome['applied'] {
  const all = items.map(({ item }): Applied => {
    if (isTarget(item)) return { kind: 'targets', forStep: item.forStep, targets: [item.target as TargetValue] };
    const { input, target } = item as { input: Float32Array; target?: TargetValue };
    return { kind: 'step', input, target, forStep: undefined };
  });
  return [...all, { kind: 'finish' } as const].map(applied => ({ client: 0, applied }));
}

/** What clients are told by a fold of what was applied, and the weights after it. */
export async function fold(applied: Outcome['applied'], clients: number, guarded: boolean): Promise<Folded> {
  const model = drawModel();
  const trainer = createTrainer(model, guarded ? { ...learning, guard: {} } : learning);
  const streams = new Map<number, LearningStream>();
  const told: string[][] = Array.from({ length: clients }, () => []);
  const update = (client: number, stream: LearningStream): void => {
    const windows = stream.windows.take();
    if (windows.length === 0) return;
    const done = trainer.learnMany(windows);
    if (done.good || done.rollback) for (const one of streams.values()) one.heed(done);
    told[client].push(show({ kind: 'update', update: done as never }));
  };
  for (const { client, applied: one } of applied) {
    const stream = streams.get(client) ?? createStream(trainer);
    streams.set(client, stream);
    if (one.kind === 'finish') {
      update(client, stream);
    } else if (one.kind === 'step') {
      if (stream.windows.due()) update(client, stream);
      const { step, number, loss } = stream.step(one.input, one.target, one.weight);
      told[client].push(show({ kind: 'step', number, step: { number, ...step }, target: undefined, loss }));
      if (stream.windows.due(false)) update(client, stream);
    } else {
      one.targets.forEach((target, i) => {
        const number = one.forStep + i;
        if (number > stream.steps()) return;
        const arrival = stream.target(number, target, one.weights?.[i]);
        if (arrival.kind !== 'late') told[client].push(show({ kind: arrival.kind, number }));
        else if (arrival.loss !== null) told[client].push(show({ kind: 'late', number, loss: arrival.loss }));
        if (number === stream.steps() && stream.windows.due(false)) update(client, stream);
      });
    }
  }
  return { told, weights: weightsOf(model) };
}
