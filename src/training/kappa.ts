import type { Average } from './average.js';

/**
 * Cohen's κ (1960): how far answers agree with the targets beyond what two that know nothing of each other, but say each class as
 * often, would agree: (p₀ − p_c) / (1 − p_c), p₀ the accuracy, p_c = Σ over classes of (share of answers) · (share of targets).
 * Of a stream: Bifet and Frank 2010. NaN where chance is always right.
 */
export interface RunningKappa {
  add(answer: number, target: number): void;
  /** Over all, over the sliding window, and with fading counts. */
  read(): Average;
  state(): KappaState;
}

/** Plain data. */
export interface KappaState {
  readonly all: TableState;
  readonly newest: TableState;
  readonly fading: TableState;
  readonly pairs: readonly number[];
  readonly at: number;
}

interface TableState {
  readonly said: readonly (readonly [number, number])[];
  readonly truth: readonly (readonly [number, number])[];
  /** Of new pairs; then sums over pairs: all, those that agree, and of said · true. */
  readonly sums: readonly [unit: number, count: number, agreed: number, product: number];
}

/** How much more often right than another, of what the other gets wrong: 1 always, 0 no better, below 0 worse. */
export function skill(own: number, other: number): number {
  return (own - other) / (1 - other);
}

/** @param alpha, width, from as of an average */
export function createKappa(alpha: number, width: number, from?: KappaState): RunningKappa {
  const all = createTable(1, from?.all);
  const newest = createTable(1, from?.newest);
  const fading = createTable(alpha, from?.fading);
  const pairs = [...(from?.pairs ?? [])];
  let at = from?.at ?? 0;
  return {
    add(answer, target) {
      all.add(answer, target);
      fading.add(answer, target);
      newest.add(answer, target);
      if (pairs.length < 2 * width) {
        pairs.push(answer, target);
        return;
      }
      newest.remove(pairs[at], pairs[at + 1]);
      pairs[at] = answer;
      pairs[at + 1] = target;
      at = (at + 2) % (2 * width);
    },
    read: () => ({ mean: all.kappa(), window: newest.kappa(), fading: fading.kappa() }),
    state: () => ({ all: all.state(), newest: newest.state(), fading: fading.state(), pairs: [...pairs], at }),
  };
}

/** Beyond it, counts that grow instead of fading are brought down together. */
const most = 1e100;

/**
 * How often each class was said and was true. Fading counts are kept by letting the new ones grow: only their ratios matter. Each
 * step costs the same, whatever the number of classes: Σ said · true moves by the two classes that it touches.
 */
function createTable(alpha: number, from: TableState = { said: [], truth: [], sums: [1, 0, 0, 0] }) {
  const said = new Map<number, number>(from.said);
  const truth = new Map<number, number>(from.truth);
  let [unit, count, agreed, product] = from.sums;
  const bump = (counts: Map<number, number>, one: number, by: number): void => {
    counts.set(one, (counts.get(one) ?? 0) + by);
  };
  const move = (answer: number, target: number, by: number): void => {
    product += by * ((truth.get(answer) ?? 0) + (said.get(target) ?? 0)) + (answer === target ? by * by : 0);
    bump(said, answer, by);
    bump(truth, target, by);
    count += by;
    if (answer === target) agreed += by;
  };
  return {
    add(answer: number, target: number): void {
      unit /= alpha;
      move(answer, target, unit);
      if (unit < most) return;
      for (const counts of [said, truth]) for (const [one, value] of counts) counts.set(one, value / unit);
      [count, agreed, product] = [count / unit, agreed / unit, product / unit / unit];
      unit = 1;
    },
    remove: (answer: number, target: number): void => move(answer, target, -unit),
    kappa: (): number => skill(agreed / count, product / (count * count)),
    state: (): TableState => ({ said: [...said], truth: [...truth], sums: [unit, count, agreed, product] }),
  };
}
