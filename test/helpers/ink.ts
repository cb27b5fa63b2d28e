import type { Point } from '../../src/encoders/strokes.js';
import { createRandom } from '../../src/random.js';

/** One stroke through these places, 10 ms from each to the next. */
export function ink(places: readonly (readonly number[])[], time = 0): Point[] {
  return places.map(([x, y], i) => ({ x, y, time: time + 10 * i, up: i === places.length - 1 }));
}

/** Some strokes of a pen that wanders. */
export function scribble(seed: number, strokes = 3, length = 20): Point[] {
  const random = createRandom(seed);
  let [x, y, time] = [50, 50, 0];
  return Array.from({ length: strokes }, () =>
    Array.from({ length }, (_, i): Point => {
      x += 6 * random.normal();
      y += 6 * random.normal();
      time += 8 + random.integer(9);
      return { x, y, time, pressure: random.uniform(), up: i === length - 1 };
    }),
  ).flat();
}
