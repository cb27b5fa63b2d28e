/** Of a storm that fails, the smallest part found that still does. */
import { isTarget, type Storm } from './storms.js';

/** What is left of a storm: the places of what stays in it. */
export interface Part {
  readonly clients: readonly {
    readonly client: number;
    readonly items: readonly number[];
    readonly cuts: readonly number[];
    readonly restarts: readonly number[];
    readonly lag: boolean;
  }[];
  readonly sweeps: readonly number[];
  /** What the network does beside being cut. */
  readonly weather: readonly (keyof Storm['weather'])[];
}

const places = (list: readonly unknown[]): number[] => list.map((_, i) => i);

export function wholeOf({ clients, sweeps }: Storm): Part {
  return {
    clients: clients.map(({ items, cuts, restarts }, client) => {
      return { client, items: places(items), cuts: places(cuts), restarts: places(restarts), lag: true };
    }),
    sweeps: places(sweeps),
    weather: ['twice', 'late', 'deaf'],
  };
}

export function partOf(storm: Storm, { clients, sweeps, weather }: Part): Storm {
  const { twice, late, deaf } = storm.weather;
  return {
    clients: clients.map(({ client, items, cuts, restarts, lag }) => {
      const whole = storm.clients[client];
      return {
        ...whole,
        items: items.map(i => whole.items[i]),
        cuts: cuts.map(i => whole.cuts[i]),
        restarts: restarts.map(i => whole.restarts[i]),
        lag: lag ? whole.lag : 0,
      };
    }),
    sweeps: sweeps.map(i => storm.sweeps[i]),
    weather: {
      twice: weather.includes('twice') ? twice : 0,
      late: weather.includes('late') ? late : 0,
      deaf: weather.includes('deaf') ? deaf : 0,
    },
  };
}

/** A target on its own needs its step: without it, it would be wrong on any network. */
function isSound({ clients }: Storm): boolean {
  return clients.every(({ items }) => {
    let frames = 0;
    return items.every(({ item }) => (isTarget(item) ? item.forStep <= frames : ++frames));
  });
}

/** Shorter lists, the shortest first: none, one half, and one less. */
function* shorter<T>(list: readonly T[]): Generator<T[]> {
  if (list.length > 1) {
    yield [];
    yield list.slice(0, list.length >> 1);
    yield list.slice(list.length >> 1);
  }
  for (let i = 0; i < list.length; i++) yield list.filter((_, j) => j !== i);
}

function* smaller(part: Part): Generator<Part> {
  for (const clients of shorter(part.clients)) if (clients.length > 0) yield { ...part, clients };
  for (const sweeps of shorter(part.sweeps)) yield { ...part, sweeps };
  for (const weather of shorter(part.weather)) yield { ...part, weather };
  for (const [i, client] of part.clients.entries()) {
    const instead = (changed: Partial<typeof client>): Part => {
      return { ...part, clients: part.clients.map((one, j) => (j === i ? { ...one, ...changed } : one)) };
    };
    for (const cuts of shorter(client.cuts)) yield instead({ cuts });
    for (const restarts of shorter(client.restarts)) yield instead({ restarts });
    for (const items of shorter(client.items)) if (items.length > 0) yield instead({ items });
    if (client.lag) yield instead({ lag: false });
  }
}

/**
 * Greedy: whatever is smaller and still fails is taken, until nothing smaller does.
 *
 * @param fails in words, what is wrong with a storm
 * @param tries at most
 */
export async function shrink(
  storm: Storm,
  fails: (storm: Storm) => Promise<string | undefined>,
  tries = 500,
): Promise<{ readonly part: Part; readonly fault: string } | undefined> {
  let part = wholeOf(storm);
  let fault = await fails(storm);
  if (fault === undefined) return undefined;
  search: for (;;) {
    for (const less of smaller(part)) {
      if (tries-- <= 0) break search;
      const small = partOf(storm, less);
      const found = isSound(small) ? await fails(small) : undefined;
      if (found === undefined) continue;
      part = less;
      fault = found;
      continue search;
    }
    break;
  }
  return { part, fault };
}
