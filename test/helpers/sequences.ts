import { createRandom } from '../../src/random.js';

/** Sequences of two columns, 4 to 11 rows each: the first rises or falls under noise, the second is noise in another unit. */
export function slopes(count: number, seed: number): { inputs: number[][]; label: 'up' | 'down' }[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const rises = random.integer(2) === 1;
    const inputs = Array.from({ length: 4 + random.integer(8) }, (_, t) => [
      Number(((rises ? t : -t) * 0.4 + 0.5 * random.normal()).toFixed(4)),
      Number((1000 + 50 * random.normal()).toFixed(2)),
    ]);
    return { inputs, label: rises ? 'up' : 'down' };
  });
}

export function jsonLines(values: readonly unknown[]): string {
  return values.map(value => `${JSON.stringify(value)}\n`).join('');
}

/** Engines that wear the more, the hotter they have been: `engine,temperature,wear`, 15 rows an engine. */
export function engines(count: number, seed: number): string {
  const random = createRandom(seed);
  const lines = ['engine,temperature,wear'];
  for (let engine = 0; engine < count; engine++) {
    let wear = 0;
    for (let t = 0; t < 15; t++) {
      const heat = 4 * random.uniform();
      wear = 0.7 * wear + heat;
      lines.push(`e${engine},${(50 + heat).toFixed(3)},${(1000 + 10 * wear).toFixed(3)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
