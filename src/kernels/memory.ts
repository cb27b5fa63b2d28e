import { ConfigError } from '../errors.js';

export type Floats = Float32Array | Float64Array;

/** Numbers in the arena that stay reachable from TypeScript: `array` is renewed when the arena grows. */
export interface Region {
  readonly address: number;
  readonly length: number;
  array: Floats;
}

/**
 * One model's memory: numbers that the kernels read and write. It grows and never shrinks; there is no `free`: it is
 * collected with its model.
 */
export interface Arena {
  /** All of the memory. Renewed when the arena grows: read the property each time, do not keep the array. */
  floats: Floats;
  /** Room for `length` numbers, all +0, aligned to 64 bytes, with 64 bytes of slack behind. */
  reserve(length: number): Region;
  /** Numbers reserved so far. */
  size(): number;
}

/** Where the numbers live: a WebAssembly memory, or a plain buffer. */
export interface Backing {
  /** All of the memory as it is now. */
  view(): Floats;
  /** Makes room for at least `length` numbers in all; what is there stays. */
  grow(length: number): void;
  /** The first number that may be used. */
  readonly base: number;
}

const alignment = 16;

/** Numbers of an arena that a region of `length` takes: its own, what fills up to 64 bytes, and the slack. */
export function spaceOf(length: number): number {
  return roundUp(length, alignment) + alignment;
}

export function createArena(backing: Backing): Arena {
  const regions: Region[] = [];
  let end = roundUp(backing.base, alignment);

  const arena = {
    floats: backing.view(),
    size: () => end,
    reserve(length: number): Region {
      if (!Number.isSafeInteger(length) || length < 0) {
        throw new ConfigError(`Expected a region's length to be a non-negative integer, got ${length}`);
      }
      const address = end;
      const next = address + spaceOf(length);
      if (next > arena.floats.length) {
        backing.grow(next);
        arena.floats = backing.view();
        for (const region of regions)
          region.array = arena.floats.subarray(region.address, region.address + region.length);
      }
      end = next;
      const region = { address, length, array: arena.floats.subarray(address, address + length) };
      regions.push(region);
      return region;
    },
  };
  return arena;
}

/** Backing for the reference: a buffer that doubles. */
export function bufferBacking(precision: 'float32' | 'float64'): Backing {
  const create = precision === 'float32' ? (n: number) => new Float32Array(n) : (n: number) => new Float64Array(n);
  let floats: Floats = create(4096);
  return {
    base: 0,
    view: () => floats,
    grow(length) {
      const larger = create(Math.max(length, 2 * floats.length));
      larger.set(floats);
      floats = larger;
    },
  };
}

/** n rounded up to a multiple of `to`. */
export function roundUp(n: number, to: number): number {
  return Math.ceil(n / to) * to;
}
