// Times contenders in turn, in one process, by CPU time.

/** Settings of a run: many rounds of short batches see the same machine; `--quick` is for a first look. */
export function settings(quick) {
  return quick ? { rounds: 15, batchMs: 15, warmMs: 200 } : { rounds: 101, batchMs: 25, warmMs: 1500 };
}

/** Milliseconds of CPU that the process has used, all its threads together. */
export function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Runs the contenders in turn, round by round, each round beginning with the next of them.
 *
 * @param contenders by name, functions that do `count` operations (a promise is awaited)
 * @returns by name, microseconds of CPU per operation in each round
 */
export async function race(contenders, { rounds, batchMs, warmMs }) {
  const names = Object.keys(contenders);
  const counts = {};
  for (const name of names) counts[name] = await warm(contenders[name], warmMs, batchMs);
  const times = Object.fromEntries(names.map(name => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(round + i) % names.length];
      const count = counts[name];
      const start = cpuMs();
      const pending = contenders[name](count);
      if (pending !== undefined) await pending;
      times[name].push(((cpuMs() - start) * 1000) / count);
    }
  }
  return times;
}

/** Runs until it is warm; returns how many operations fill a batch. */
async function warm(run, warmMs, batchMs) {
  let count = 1;
  let rate = 0;
  for (const end = cpuMs() + warmMs; ; ) {
    const start = cpuMs();
    await run(count);
    const took = cpuMs() - start;
    if (took > 0) rate = count / took;
    if (cpuMs() >= end) break;
    if (took < batchMs / 2) count *= 2;
  }
  return Math.max(1, Math.round(rate * batchMs));
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function spread(values) {
  return { min: Math.min(...values), median: median(values), max: Math.max(...values) };
}

/** Round by round, one contender's time over another's. */
export function ratios(above, below) {
  return above.map((time, i) => time / below[i]);
}

/** The one of these contenders that took less. */
export function faster(times, names) {
  return names.reduce((best, name) => (median(times[name]) < median(times[best]) ? name : best));
}
