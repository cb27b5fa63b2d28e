/** Sessions of some clients over a bad network: what each sends, and what befalls it. */
import type { RemoteItem } from '../../src/client/outgoing.js';
import { createReference } from '../../src/kernels/reference.js';
import { buildModel, type TrainableModel } from '../../src/model/model.js';
import { createRandom, type Random } from '../../src/random.js';
import type { ServeOptions } from '../../src/server/options.js';
import type { Learn, Want } from '../../src/wire/messages.js';
import { config, randomInput, randomTarget } from './models.js';
import type { Weather } from './network.js';

export const learning = { k1: 2, k2: 3, lateness: 2 } as const;

/** What one client sends, and when; and when its network or itself fails. */
export interface Client {
  readonly learn: Learn;
  readonly want: Want;
  readonly items: readonly { readonly item: RemoteItem; readonly at: number }[];
  readonly cuts: readonly number[];
  readonly restarts: readonly number[];
  /** What is told is taken so much later. */
  readonly lag: number;
}

export interface Storm {
  readonly clients: readonly Client[];
  readonly weather: Weather;
  /** When the server looks after sessions that wait. */
  readonly sweeps: readonly number[];
}

/** Of the server: a session rests after a second of silence. */
export const stormy: ServeOptions = { idleSeconds: 1, announceSeconds: 1, resumeSeconds: 1_000_000 };

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
      lag: random.uniform() < 0.5 ? 0 : 200 * random.uniform(),
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

/** The model of every storm; one that is shared is a copy, since it moves. */
export const drawModel = (): TrainableModel => buildModel(createReference('float32'), shape, 3);
export const unmoved = drawModel();

export const isShared = ({ clients }: Pick<Storm, 'clients'>): boolean =>
  clients.some(({ learn }) => learn === 'shared');

/** A target on its own, for an earlier step. */
export function isTarget(item: RemoteItem): item is Extract<RemoteItem, { readonly forStep: number }> {
  return typeof item === 'object' && 'forStep' in item;
}
