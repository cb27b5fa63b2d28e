import { ConfigError } from '../errors.js';
import type { Arena } from '../kernels/memory.js';
import type { Activations } from '../model/activations.js';
import type { Random } from '../random.js';

/** Which part of what layers say is dropped while whole sequences are learned: never where a network is stepped. */
export interface Dropout {
  /** The probability with which each unit of a step is dropped, from 0 to below 1. */
  readonly rate: number;
  /** What the draws are from: they go on from update to update. */
  readonly random: Random;
}

/**
 * Makes the function that drops units of h on their way up, to the next layer and to the readout, and not on their way to the next
 * step (Srivastava et al. 2014; Zaremba, Sutskever and Vinyals 2014): each is 0 with probability p, else it is multiplied by
 * 1 / (1 − p), so that a step in which nothing is dropped expects the same sums.
 *
 * One draw a unit: layers ascending, then rows (steps as the windows are packed), then units.
 *
 * @param sizes units of each layer
 */
export function createDropout(
  arena: Arena,
  sizes: readonly number[],
): (rows: Activations, count: number, dropout: Dropout) => Activations {
  let room: { readonly factors: number; readonly h: number; readonly gradient: number; readonly length: number }[] = [];
  return (rows, count, { rate, random }) => {
    checkDropout(rate);
    if (rate === 0) return rows;
    const needed = rows.layers.map(({ n, lead }) => (lead + count) * n);
    if (room.length === 0 || needed.some((length, i) => length > room[i].length)) {
      room = needed.map((length, i) => {
        const most = Math.max(length, 2 * (room[i]?.length ?? 0));
        const reserve = (): number => arena.reserve(most).address;
        return { factors: reserve(), h: reserve(), gradient: reserve(), length: most };
      });
    }
    const kept = 1 / (1 - rate);
    rows.layers.forEach(({ n, lead }, i) => {
      const { floats } = arena;
      const first = room[i].factors + lead * n;
      // What fills a row up is 0 whatever its factor.
      for (let row = first; row < first + count * n; row += n)
        for (let at = row; at < row + sizes[i]; at++) floats[at] = random.uniform() < rate ? 0 : kept;
    });
    return {
      ...rows,
      layers: rows.layers.map((layer, i) => ({ ...layer, dropped: { factors: room[i].factors, h: room[i].h } })),
      gradients: {
        ...rows.gradients!,
        layers: rows.gradients!.layers.map((layer, i) => ({ ...layer, dropped: room[i].gradient })),
      },
    };
  };
}

/** @throws ConfigError */
export function checkDropout(rate: number): void {
  if (!(rate >= 0 && rate < 1)) throw new ConfigError(`Expected dropout to be from 0 to below 1, got ${rate}`);
}
