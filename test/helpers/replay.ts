import type { Input } from '../../src/model/input.js';
import type { Example, LateTarget } from '../../src/operators/learned.js';
import type { Target } from '../../src/training/loss.js';

/** What steps and learns, and what it remembers between steps. */
export interface Backend<Memory> {
  zero(): Memory;
  step(memory: Memory, input: Input | null): Memory;
  learn(windows: readonly Run<Memory>[]): void;
  /** The readout alone, where it has a rule of its own: from what was remembered after each step. */
  learnReadout?(steps: readonly { after: Memory; target: Exclude<Target, null>; weight: number }[]): void;
}

/** Steps of a stream: what was remembered before the first of them, and the targets whose losses count. */
export interface Run<Memory> {
  readonly before: Memory;
  readonly inputs: readonly (Input | null)[];
  readonly targets: readonly Target[];
  readonly weights: readonly number[];
}

/** What happened, by the number of the step: `updated` has the steps whose targets were learned. */
export type Told =
  | { readonly kind: 'step' | 'late' | 'expired' | 'duplicate'; readonly number: number }
  | { readonly kind: 'update'; readonly learned: readonly number[]; readonly readout?: true };

/**
 * Truncated backpropagation as it is defined, by a log of everything: nothing is ever dropped, and each rule is one line.
 *
 * Groups of k1 steps; an update at the end of each, when the newest step's target is there or the next example comes; for
 * each group with targets that were not learned, oldest first, the k2 steps that end with it.
 */
export function replay<Memory>(
  items: readonly (Example | LateTarget)[],
  {
    k1,
    k2,
    lateness,
    readout,
  }: { readonly k1: number; readonly k2: number; readonly lateness: number; readonly readout?: number },
  backend: Backend<Memory>,
  ended = true,
): Told[] {
  const told: Told[] = [];
  const log: {
    before: Memory;
    input: Input | null;
    target: Target | undefined;
    weight: number;
    learned: boolean;
    read: boolean;
  }[] = [];
  let memory = backend.zero();
  let newestUpdate = 0;
  let newestRead = 0;

  const update = (): void => {
    newestUpdate = log.length;
    const windows: Run<Memory>[] = [];
    const learned: number[] = [];
    for (let first = 1; first <= log.length; first += k1) {
      const last = Math.min(first + k1 - 1, log.length);
      const fresh = log.map(({ target, learned }, i) => {
        return i + 1 >= first && i + 1 <= last && target !== undefined && target !== null && !learned;
      });
      if (!fresh.includes(true)) continue;
      const from = Math.max(1, last - k2 + 1);
      const run = log.slice(from - 1, last);
      windows.push({
        before: run[0].before,
        inputs: run.map(({ input }) => input),
        targets: run.map(({ target }, i) => (fresh[from - 1 + i] ? target! : null)),
        weights: run.map(({ weight }) => weight),
      });
      learned.push(...fresh.flatMap((is, i) => (is ? [i + 1] : [])));
    }
    for (const number of learned) log[number - 1].learned = true;
    if (windows.length === 0) return;
    backend.learn(windows);
    told.push({ kind: 'update', learned });
  };
  /** Every step whose target came since, from what was remembered after it. */
  const updateReadout = (): void => {
    newestRead = log.length;
    const fresh = log.flatMap(({ target, weight, read }, i) => {
      if (read || target === undefined || target === null) return [];
      return [{ number: i + 1, after: i + 1 < log.length ? log[i + 1].before : memory, target, weight }];
    });
    if (fresh.length === 0) return;
    for (const { number } of fresh) log[number - 1].read = true;
    backend.learnReadout!(fresh);
    told.push({ kind: 'update', learned: fresh.map(({ number }) => number), readout: true });
  };
  const updateDue = (): void => {
    if (log.length % k1 === 0 && log.length > newestUpdate) update();
    if (readout && log.length % readout === 0 && log.length > newestRead) updateReadout();
  };

  for (const item of items) {
    if ('forStep' in item) {
      const { forStep: number, target, weight = 1 } = item;
      const entry = log[number - 1];
      if (log.length - number > lateness) told.push({ kind: 'expired', number });
      else if (entry.target !== undefined) told.push({ kind: 'duplicate', number });
      else {
        entry.target = target;
        entry.weight = weight;
        told.push({ kind: 'late', number });
        if (number === log.length) updateDue();
      }
      continue;
    }
    updateDue();
    log.push({
      before: memory,
      input: item.input,
      target: item.target,
      weight: item.weight ?? 1,
      learned: false,
      read: false,
    });
    memory = backend.step(memory, item.input);
    told.push({ kind: 'step', number: log.length });
    if (item.target !== undefined) updateDue();
  }
  if (ended) {
    update();
    if (readout) updateReadout();
  }
  return told;
}
