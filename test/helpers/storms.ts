/** Sessions of some clients over a bad network, and what each is told: all of it follows from one seed. */
import type { RemoteLearned, RemoteStep } from '../../src/client/index.js';
import type { ResumePoint } from '../../src/client/options.js';
import type { RemoteItem } from '../../src/client/outgoing.js';
import { createModel, type TrainableModel } from '../../src/model/model.js';
import { createRandom, type Random } from '../../src/random.js';
import type { Applied } from '../../src/server/learner.js';
import { createStream, type LearningStream } from '../../src/training/stream.js';
import { createTrainer } from '../../src/training/trainer.js';
import type { Learn, Want } from '../../src/wire/messages.js';
import { bits } from './bits.js';
import { config, randomInput, randomTarget } from './models.js';
import { createNetwork, type Meddle, quiet, type Weather } from './network.js';

const learning = { k1: 2, k2: 3, lateness: 2 } as const;

/** What one client sends, and when; and when its network or itself fails. */
interface Client {
  readonly learn: Learn;
  readonly want: Want;
  readonly items: readonly { readonly item: RemoteItem; readonly at: number }[];
  readonly cuts: readonly number[];
  readonly restarts: readonly number[];
}

export interface Storm {
  readonly clients: readonly Client[];
  readonly weather: Weather;
  /** When the server looks after sessions that wait. */
  readonly sweeps: readonly number[];
  /** Seconds of silence after which a session rests. */
  readonly idleSeconds: number;
}

/** Shared learners, if there are any, are all that there is: their order is the server's own. */
export function drawStorm(seed: number, shared: boolean): Storm {
  const random = createRandom(seed);
  const length = 200 + 100 * random.integer(10);
  const times = (most: number): number[] =>
    Array.from({ length: random.integer(most + 1) }, () => length * random.uniform()).sort((a, b) => a - b);
  const clients = Array.from({ length: 1 + random.integer(3) }, (): Client => {
    const learn = shared ? 'shared' : random.uniform() < 0.15 ? 'private' : 'none';
    const count = 1 + random.integer(14);
    const at = Array.from({ length: count }, () => length * random.uniform()).sort((a, b) => a - b);
    const wants: Want[] = [
      {},
      { answer: 'argmax' },
      { every: 3 },
      { last: true },
      { answer: 'top-k', topK: 2, carry: true },
    ];
    return {
      learn,
      want: learn === 'none' ? wants[random.integer(wants.length)] : {},
      items: at.map((when, i) => ({ item: drawItem(random, learn, i), at: when })),
      cuts: times(5),
      restarts: shared ? [] : times(2),
    };
  });
  return {
    clients,
    // Targets on their own have no numbers: they rely on the order that a socket keeps.
    weather: {
      twice: 0.2 * random.uniform(),
      late: clients.every(({ learn }) => learn === 'none') && random.uniform() < 0.5 ? 0.2 * random.uniform() : 0,
      deaf: 0.3,
    },
    sweeps: times(12),
    idleSeconds: 1,
  };
}

const shape = config('gru', [3]);
const example = { config: shape };

function drawItem(random: Random, learn: Learn, i: number): RemoteItem {
  const input = randomInput(random, example as never) as Float32Array;
  if (learn === 'none') return input;
  const target = randomTarget(random, example as never);
  const fate = random.uniform();
  if (fate < 0.5) return { input, target };
  if (fate < 0.65 && i > 2) return { forStep: 1 + random.integer(2), target };
  return fate < 0.8 ? { input } : { input, target: null };
}

const unmoved = await createModel(shape, { seed: 3 });

/** What one client was told, in order, to the bit. */
export type Told = readonly string[];

export interface Outcome {
  readonly told: readonly Told[];
  /** Of the server's model at the end. */
  readonly weights: string;
  /** Of shared learners: what was applied, and whose it was. */
  readonly applied: readonly { readonly client: number; readonly applied: Applied }[];
}

const show = (event: RemoteStep | RemoteLearned): string => {
  if (!('kind' in event)) {
    const { number, prediction, topIndices, topValues, carry } = event;
    return JSON.stringify([number, bits(prediction), topIndices, topValues && bits(topValues), carry && bits(carry)]);
  }
  if (event.kind === 'step') return JSON.stringify(['step', event.number, bits(event.step.prediction), event.loss]);
  if (event.kind === 'update') {
    const { count, loss, gradientNorm, windows } = event.update;
    return JSON.stringify(['update', count, loss, gradientNorm, windows]);
  }
  return JSON.stringify([event.kind, event.number, 'loss' in event ? event.loss : null]);
};

const weightsOf = (model: TrainableModel): string => JSON.stringify(Object.values(model.weights()).map(bits));

/** @param meddle what a broken server or network does to a message */
export async function weatherStorm(storm: Storm, seed: number, calm: boolean, meddle?: Meddle): Promise<Outcome> {
  const shared = storm.clients.some(({ learn }) => learn === 'shared');
  const model = shared ? await createModel(shape, { seed: 3 }) : unmoved;
  const random = createRandom(seed + 1);
  const network = createNetwork(
    random,
    model,
    calm ? quiet : storm.weather,
    calm ? {} : { idleSeconds: storm.idleSeconds, announceSeconds: 1, resumeSeconds: 1_000_000 },
    meddle,
  );
  const tokens = new Map<string, number>();
  const applied: { client: number; token: string; applied: Applied }[] = [];
  network.hub.models.get('default')!.journal = (token, one) => applied.push({ client: -1, token, applied: one });

  const told = storm.clients.map((client, index) => {
    const events: string[] = [];
    const { items, learn, want } = client;
    let session: ReturnType<typeof network.connect>;
    let life = 0;
    let pushed = 0;
    let done = false;

    const begin = (resume: ResumePoint | undefined): void => {
      const own = ++life;
      session = network.connect(
        {
          learn,
          want,
          takes: true,
          ...(learn === 'none' ? {} : { learning }),
          ...(resume ? { resume } : {}),
          onOpened: ({ token }) => tokens.set(token, index),
          onArrived: () => own === life && session.taken(),
        },
        {
          next: event => own === life && events.push(show(event)),
          error(error) {
            if (own === life) throw error;
          },
          complete() {
            if (own === life) done = true;
          },
        },
      );
    };
    const feed = (): void => {
      while (pushed < items.length && items[pushed].at <= network.now()) session.push(items[pushed++].item);
      if (pushed === items.length) session.finish();
    };
    const restart = (): void => {
      const point = session.resumePoint();
      if (done || point === undefined) return;
      network.cut(session);
      life++;
      session.abandon();
      let frames = 0;
      let others = 0;
      pushed = 0;
      // The items after the last frame whose answer was taken, and after what was sent with it.
      for (; pushed < items.length; pushed++) {
        const isFrame = !(typeof items[pushed].item === 'object' && 'forStep' in (items[pushed].item as object));
        if (isFrame ? frames === point.receivedSeq : others === point.sentMessages) break;
        if (isFrame) frames++;
        else others++;
      }
      begin(point);
      feed();
    };
    begin(undefined);
    for (const { at } of items) network.after(at, feed);
    if (!calm) {
      for (const at of client.cuts) network.after(at, () => network.cut(session));
      for (const at of client.restarts) network.after(at, restart);
    }
    return { events, isDone: () => done };
  });
  if (!calm) for (const at of storm.sweeps) network.after(at, network.sweep);
  await network.run(1e6);
  return {
    told: told.map(({ events, isDone }) => (isDone() ? events : [...events, 'not finished'])),
    weights: weightsOf(model),
    applied: applied.map(({ token, applied: one }) => ({ client: tokens.get(token) ?? -1, applied: one })),
  };
}

/** What the clients of a shared learner are told by a fold of what was applied, and the weights after it. */
export async function fold(applied: Outcome['applied'], clients: number): Promise<Omit<Outcome, 'applied'>> {
  const model = await createModel(shape, { seed: 3 });
  const trainer = createTrainer(model, { ...learning, guard: {} });
  const streams = new Map<number, LearningStream>();
  const told: string[][] = Array.from({ length: clients }, () => []);
  const update = (client: number, stream: LearningStream): void => {
    const windows = stream.take();
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
      if (stream.due()) update(client, stream);
      const { step, number, loss } = stream.step(one.input, one.target);
      told[client].push(show({ kind: 'step', number, step: { number, ...step }, target: undefined, loss }));
      if (stream.due(false)) update(client, stream);
    } else {
      one.targets.forEach((target, i) => {
        const number = one.forStep + i;
        if (number > stream.steps) return;
        const arrival = stream.target(number, target);
        if (arrival.kind !== 'late') told[client].push(show({ kind: arrival.kind, number }));
        else if (arrival.loss !== null) told[client].push(show({ kind: 'late', number, loss: arrival.loss }));
        if (number === stream.steps && stream.due(false)) update(client, stream);
      });
    }
  }
  return { told, weights: weightsOf(model) };
}
