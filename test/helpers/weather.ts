/** A storm over a network, from the first connection to the last answer. */

import type { ResumePoint } from '../../src/client/options.js';
import type { Position } from '../../src/client/position.js';
import type { TrainableModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import type { Applied } from '../../src/server/learner.js';
import { createNetwork, type Meddle, type Network, quiet } from './network.js';
import { openSockets } from './sockets.js';
import { drawModel, isShared, isTarget, learning, type Storm, stormy, unmoved } from './storms.js';
import { firstFault, type Outcome, show, weightsOf } from './told.js';

/** Milliseconds of the network after which a storm that has not ended will not end: most take one or two seconds. */
export const patience = 60_000;

/** The storm in memory, at a time that is none: all that happens follows from the storm and the seed. */
export async function weatherInMemory(storm: Storm, seed: number, calm: boolean, meddle?: Meddle): Promise<Outcome> {
  const model = isShared(storm) ? drawModel() : unmoved;
  const [weather, options] = calm ? [quiet, {}] : [storm.weather, stormy];
  return weatherStorm(storm, createNetwork(createRandom(seed + 1), model, weather, options, meddle), calm);
}

export async function weatherStorm(storm: Storm, network: Network, calm = false): Promise<Outcome> {
  const tokens = new Map<string, number>();
  const applied: { token: string; applied: Applied }[] = [];
  const shared = isShared(storm);
  if (shared) network.served.journal = (token, one) => applied.push({ token, applied: one });

  const clients = storm.clients.map((client, index) => {
    const told: string[] = [];
    /** What was told and is not taken yet. */
    let waiting: { readonly shown: string; readonly at: Position }[] = [];
    const { items, learn, want, lag } = client;
    let session: ReturnType<typeof network.connect>;
    let life = 0;
    /** Items whose time has come, and those of them that were pushed. */
    let due = 0;
    let pushed = 0;
    let done = false;

    const take = (): void => {
      for (const { shown, at } of waiting.splice(0)) {
        told.push(shown);
        session.taken(at);
      }
      session.taken();
    };
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
          onArrived() {
            if (own !== life) return;
            if (lag === 0) take();
            else if (waiting.length > 0) network.after(lag, () => own === life && take());
            else session.taken();
          },
        },
        {
          next: (event, at) => own === life && waiting.push({ shown: show(event), at }),
          error(error) {
            if (own !== life) return;
            told.push(String(error));
            done = true;
          },
          complete() {
            if (own !== life) return;
            take();
            done = true;
          },
        },
      );
    };
    const feed = (): void => {
      while (pushed < due) session.push(items[pushed++].item);
      if (pushed === items.length) session.finish();
    };
    const restart = (): void => {
      const point = session.resumePoint();
      if (done || point === undefined) return;
      network.cut(session);
      life++;
      waiting = [];
      session.abandon();
      let frames = 0;
      let others = 0;
      pushed = 0;
      // The items after the last frame whose answer was taken, and after what was sent with it.
      for (; pushed < due; pushed++) {
        const isFrame = !isTarget(items[pushed].item);
        if (isFrame ? frames === point.receivedSeq : others === point.sentMessages) break;
        if (isFrame) frames++;
        else others++;
      }
      begin(point);
      feed();
    };
    begin(undefined);
    for (const { at } of items) {
      network.after(at, () => {
        due++;
        feed();
      });
    }
    if (!calm) {
      for (const at of client.cuts) network.after(at, () => network.cut(session));
      for (const at of client.restarts) network.after(at, restart);
    }
    return { told, isDone: () => done, leave: () => session.abandon() };
  });
  if (!calm) for (const at of storm.sweeps) network.after(at, network.sweep);
  await network.run(patience, () => clients.every(({ isDone }) => isDone()));
  for (const { isDone, told, leave } of clients) {
    if (isDone()) continue;
    told.push('not finished');
    leave();
  }
  return {
    told: clients.map(({ told }) => told),
    weights: shared ? weightsOf(network.served.model as TrainableModel) : '',
    applied: applied.map(({ token, applied: one }) => ({ client: tokens.get(token) ?? -1, applied: one })),
  };
}

/** A storm, and the seed of its chances. */
export interface Drawn {
  readonly seed: number;
  readonly storm: Storm;
}

/**
 * Storms over the sockets of one server, `atOnce` of them at a time. Chance is in the machine as well: the same storm need not end alike.
 *
 * @param ended is told what a client of a storm was told wrong, if anything, and how many connections were cut since the last storm ended
 */
export async function weatherOverSockets(
  storms: readonly Drawn[],
  atOnce: number,
  ended: (drawn: Drawn, fault: string | undefined, since: { readonly cuts: number; readonly torn: number }) => void,
  meddle?: Meddle,
): Promise<void> {
  const waiting = storms.map((drawn, i) => ({ ...drawn, model: isShared(drawn.storm) ? `shared-${i}` : 'unmoved' }));
  const models: Record<string, TrainableModel> = { unmoved };
  for (const { model } of waiting) models[model] ??= drawModel();
  const sockets = await openSockets(models, stormy);
  let before = { cuts: 0, torn: 0 };
  const weatherNext = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { seed, storm, model } = next;
      const network = sockets.network(createRandom(seed + 1), storm.weather, model, meddle);
      const fault = await firstFault(storm, await weatherStorm(storm, network));
      const { cuts, torn } = sockets;
      ended({ seed, storm }, fault, { cuts: cuts - before.cuts, torn: torn - before.torn });
      before = { cuts, torn };
    }
  };
  await Promise.all(Array.from({ length: atOnce }, weatherNext));
  const [error] = await sockets.close();
  if (error !== undefined && meddle === undefined) throw error;
}
