import { TargetError } from '../errors.js';
import { firstNotFinite } from '../model/carry.js';
import type { Input } from '../model/input.js';
import { createRowCopy } from '../model/slab.js';
import type { Step } from '../model/transfer.js';
import { createRandom } from '../random.js';
import type { Verdict } from './guard.js';
import type { Target } from './loss.js';
import type { ReadoutStep } from './readout.js';
import { checkState, type Entry, type StreamMark, type StreamState } from './stream-state.js';
import type { Trainer } from './trainer.js';
import { checkWeight, type Window } from './window.js';

export { checkState, type Entry, mostSteps, type StreamMark, type StreamState } from './stream-state.js';

/** An entry while the stream has it to itself: what is given away, or was given, is a copy. */
type MutableEntry = { -readonly [Name in keyof Entry]: Entry[Name] };

const copyOf = (entry: Entry): MutableEntry => ({ ...entry });

/** What became of a target that came by its step's number. */
export type Arrival =
  | { readonly kind: 'late'; readonly loss: number | null; readonly prediction: Float32Array; readonly target: Target }
  | { readonly kind: 'expired' }
  | { readonly kind: 'duplicate' };

/** What one part of a network has yet to learn from a stream: the network from windows, or a readout with a rule of its own from steps. */
export interface Lessons<Lesson> {
  /**
   * An update is due, and, unless `waiting` is false, need not wait for the newest step's target. With a guard, one is also due in the middle
   * of a group where the carry grew beyond float32.
   */
  due(waiting?: boolean): boolean;
  /** How many `take` would give, without those to replay. */
  pending(): number;
  /** Those of the update that is due, or of what remains, oldest first, which count as learned; then those to replay with them. */
  take(): Lesson[];
}

/**
 * One stream that learns: its carry, and the steps that updates to come may need.
 *
 * Steps form groups of k1. After every k1-th step an update is due: one window for each group with new targets, oldest
 * first; the window of a group is the k2 steps that end with it (Williams and Peng 1990, BPTT(h; h′)).
 */
export interface LearningStream {
  /** An input or target that nobody changes, where its own might be: among the others that the stream keeps. */
  copy<Value extends Input | Target | undefined>(value: Value): Value;
  /** The same of `length` numbers of a row of float32. */
  copyPart(row: Float32Array, from: number, length: number): Float32Array;
  /**
   * Steps once. Input and target must not change after. A target of undefined may still come, by `target`. With a guard, an input far
   * larger than usual is `limited`.
   */
  step(
    input: Input | null,
    target: Target | undefined,
    weight?: number,
  ): { step: Step; number: number; loss: number | null; limited?: true };
  /** @throws TargetError if there is no such step yet, or the target is wrong */
  checkTarget(number: number, target: Target, weight?: number): void;
  /**
   * A target for an earlier step, which must not change after. It is expired if more than `lateness` steps came after that one.
   *
   * @throws TargetError as `checkTarget`
   */
  target(number: number, target: Target, weight?: number): Arrival;
  readonly windows: Lessons<Window>;
  /** Of the readout, where it has a rule of its own. */
  readonly readout: Lessons<ReadoutStep> | undefined;
  /** The next step ends a group, of windows or of the readout's. */
  endsGroup(): boolean;
  steps(): number;
  /**
   * Follows what an update's guard did: marks where the stream stands, or goes back to its mark and steps what is kept since then again,
   * so that no carry of the weights that were taken back is left. Returns the mark's step.
   */
  heed(verdict: Verdict): number;
  /** Keeps the newest `steps` steps and what late targets need: older ones are not replayed any more. */
  forget(steps: number): void;
  state(): StreamState;
}

/** Draws of a step without a target are repeated, so many times at most. */
const drawsPerWindow = 8;

/**
 * @param state to go on from; without one, a stream begins with a carry of zeros
 * @throws ConfigError if the state is none of a stream of this model
 */
export function createStream(trainer: Trainer, state?: StreamState): LearningStream {
  if (state !== undefined) checkState(trainer, state);
  const { k1, k2, lateness, replay, guard, readout } = trainer.options;
  /** Steps that late targets and the next windows need, and those that are kept. */
  const needed = k2 + lateness + Math.max(k1, readout?.k1 ?? 0);
  const kept = Math.max(needed, replay.windows > 0 ? k2 + replay.capacity : 0);
  const { input: taken, output: said } = trainer.model.config;
  const copyRow = createRowCopy(kept * (taken.size + said.size));
  let random = createRandom(state?.random ?? replay.seed);
  let carry = state?.carry.slice() ?? trainer.model.zeroCarry();
  let steps = state?.steps ?? 0;
  const began = state?.began ?? 0;
  let entries: MutableEntry[] = (state?.entries ?? []).map(copyOf);

  /** Where the stream stands; `before` where its carry grew beyond float32, since no step can be made from there. */
  const markNow = (before?: StreamMark): StreamMark => {
    if (carry.every(Number.isFinite)) return { carry, steps, random: random.state() };
    return before ?? { carry: trainer.model.zeroCarry(), steps, random: random.state() };
  };
  const begin = (): StreamMark => {
    const begun = markNow();
    return { ...begun, next: begun };
  };
  let mark = guard && (state?.mark ?? begin());
  let forgotten = state?.forgotten ?? 0;

  /** No step can be made from here, and a guard has yet to see why: it does not wait for the end of the group. */
  const overgrown = (): boolean => guard !== undefined && firstNotFinite(carry) >= 0;

  /** Place of a step among the entries. */
  const place = (number: number): number => entries.length - 1 - (steps - number);

  /**
   * What is to be learned in groups of so many steps.
   *
   * @param mark of entries whose targets came, and which no update has learned
   * @param learned the step after which the newest update ran, or was found to have nothing to learn
   */
  const follow = (mark: 'fresh' | 'unread', every: number, learned: number) => {
    const at = entries.findIndex(entry => entry[mark]);
    return {
      learned,
      /** The oldest step that is marked. */
      first: at < 0 ? Number.POSITIVE_INFINITY : steps - entries.length + 1 + at,
      /** No step after it is marked. */
      last: at < 0 ? 0 : steps,
      due(waiting = true, early = false) {
        if (!(early || this.ends(steps)) || this.learned >= steps) return false;
        return waiting || entries.at(-1)?.target !== undefined;
      },
      ends: (number: number): boolean => (number - began) % every === 0,
      came(number: number): void {
        this.first = Math.min(this.first, number);
        this.last = Math.max(this.last, number);
      },
      taken(): void {
        this.learned = steps;
        this.first = Number.POSITIVE_INFINITY;
        this.last = 0;
      },
    };
  };
  const network = follow('fresh', k1, state?.updated ?? 0);
  const reader = readout && follow('unread', readout.k1, state?.read ?? 0);

  /** The groups with targets that no update has learned, oldest first: the first and the last step of each. */
  const freshGroups = (): { first: number; last: number }[] => {
    const groups: { first: number; last: number }[] = [];
    // Groups end at multiples of k1; the last may be cut by the end of the stream.
    for (let end = began + Math.ceil((network.first - began) / k1) * k1; end - k1 < network.last; end += k1) {
      const first = Math.max(end - k1 + 1, steps - entries.length + 1);
      const last = Math.min(end, steps);
      for (let number = first; number <= last; number++) {
        if (!entries[place(number)].fresh) continue;
        groups.push({ first, last });
        break;
      }
    }
    return groups;
  };

  /** The window that ends with step `last`; the targets of the steps from `first` that `learned` takes bring losses. */
  const windowOf = (first: number, last: number, learned: (entry: Entry) => boolean): Window => {
    const from = Math.max(last - k2 + 1, steps - entries.length + 1);
    const window = entries.slice(place(from), place(last) + 1);
    return {
      carry: window[0].carry,
      inputs: window.map(entry => entry.input),
      targets: window.map((entry, i) => (from + i >= first && learned(entry) ? entry.target! : null)),
      ...(window.some(entry => entry.weight !== undefined) && { weights: window.map(({ weight = 1 }) => weight) }),
    };
  };

  /** Windows that end with steps drawn from the newest `capacity` whose targets have come. */
  const drawReplay = (): Window[] => {
    const span = Math.min(replay.capacity, steps - Math.max(forgotten, began));
    const windows: Window[] = [];
    if (span === 0) return windows;
    for (let draw = 0; windows.length < replay.windows && draw < drawsPerWindow * replay.windows; draw++) {
      const last = steps - random.integer(span);
      const at = place(last);
      // A window cut at its beginning by what is not kept any more would be another window.
      if (at < Math.min(k2, last - began) - 1) continue;
      const { target, fresh } = entries[at];
      if (target === undefined || target === null || fresh) continue;
      const window = windowOf(last - k1 + 1, last, entry => !entry.fresh && entry.target !== undefined);
      windows.push({ ...window, replayed: true });
    }
    return windows;
  };

  const checkTarget = (number: number, target: Target, weight?: number): void => {
    if (!Number.isInteger(number) || number < 1 || number > steps) {
      throw new TargetError(`Expected a target for a step from 1 to ${steps}, the newest, got one for ${number}`);
    }
    trainer.checkTarget(target);
    checkWeight(weight);
  };

  /** A target came for an entry; most have no weight, and most readouts no rule of their own. */
  const addTarget = (entry: MutableEntry, target: Target | undefined, weight: number | undefined): void => {
    entry.target = target;
    entry.fresh = target !== undefined && target !== null;
    // It is the target's: one that comes late brings its own. A weight of 1 is none: then nothing has to be kept.
    if (target !== undefined && weight !== undefined && weight !== 1) entry.weight = weight;
    if (readout && entry.fresh) entry.unread = true;
  };

  const markFresh = (number: number): void => {
    network.came(number);
    reader?.came(number);
  };

  /** Those of `freshGroups`, and where no step can be made any more the newest. */
  const groupsDue = (): { first: number; last: number }[] => {
    const groups = freshGroups();
    const unseen = overgrown() && entries.length > 0 && network.learned < steps;
    if (unseen && groups.at(-1)?.last !== steps) groups.push({ first: steps, last: steps });
    return groups;
  };

  const takeWindows = (): Window[] => {
    const windows = groupsDue().map(({ first, last }): Window => {
      const window = windowOf(first, last, entry => entry.fresh);
      for (let number = first; number <= last; number++) entries[place(number)].fresh = false;
      return last === steps && overgrown() ? { ...window, overgrown: true } : window;
    });
    network.taken();
    return windows.length > 0 && replay.windows > 0 ? [...windows, ...drawReplay()] : windows;
  };

  /** Places of the entries that the readout has not learned. */
  const unread = (): number[] => {
    const places: number[] = [];
    const end = place(reader!.last);
    for (let at = Math.max(place(reader!.first), 0); at <= end; at++) if (entries[at].unread) places.push(at);
    return places;
  };

  const takeUnread = (): ReadoutStep[] => {
    const taken = unread().map((at): ReadoutStep => {
      const { target, weight } = entries[at];
      entries[at].unread = false;
      const after = entries[at + 1]?.carry ?? carry;
      return { carry: after, target: target!, ...(weight !== undefined && { weight }) };
    });
    reader!.taken();
    return taken;
  };

  return {
    windows: {
      due: waiting => network.due(waiting, overgrown()),
      pending: () => groupsDue().length,
      take: takeWindows,
    },
    readout: reader && { due: waiting => reader.due(waiting), pending: () => unread().length, take: takeUnread },
    endsGroup: () => network.ends(steps + 1) || (reader?.ends(steps + 1) ?? false),
    steps: () => steps,

    step(input, target, weight) {
      const near = trainer.guard ? trainer.guard.limit(input) : input;
      const limited = near !== input;
      if (target !== undefined) trainer.checkTarget(target);
      checkWeight(weight);
      const before = carry;
      const step = trainer.step(before, near);
      const loss = target === undefined || target === null ? null : trainer.loss(step.logits, target);
      carry = step.carry;
      steps++;
      const { logits, prediction } = step;
      const entry: MutableEntry = { carry: before, input: near, logits, prediction, target: undefined, fresh: false };
      addTarget(entry, target, weight);
      entries.push(entry);
      if (entry.fresh) markFresh(steps);
      if (entries.length >= 2 * kept) entries = entries.slice(-kept);
      return limited ? { step, number: steps, loss, limited } : { step, number: steps, loss };
    },

    copy(value) {
      if (typeof value !== 'object' || value === null) return value;
      const row: Float32Array = value;
      return (row.BYTES_PER_ELEMENT === 4 ? copyRow(row) : row.slice()) as unknown as typeof value;
    },

    copyPart: copyRow,

    checkTarget,

    target(number, target, weight) {
      checkTarget(number, target, weight);
      const at = place(number);
      // A state that was saved with less lateness lacks steps that this trainer would keep.
      if (steps - number > lateness || at < 0) return { kind: 'expired' };
      const entry = entries[at];
      if (entry.target !== undefined) return { kind: 'duplicate' };
      addTarget(entry, target, weight);
      if (target !== null) markFresh(number);
      const loss = target === null ? null : trainer.loss(entry.logits, target);
      return { kind: 'late', loss, prediction: entry.prediction, target };
    },

    heed({ good, rollback }) {
      if (mark === undefined) return 0;
      if (good) {
        const { next: _, ...own } = mark.next ?? mark;
        mark = { ...own, next: markNow(own) };
      }
      const to = mark.steps;
      if (rollback === undefined) return to;
      const own: StreamMark = { carry: mark.carry, steps: to, random: mark.random };
      mark = { ...own, next: own };
      random = createRandom(own.random);
      entries = entries.slice(-kept);
      carry = own.carry;
      entries = entries.map((entry, i) => {
        if (steps - entries.length + 1 + i <= to) return entry;
        const before = carry;
        const after = trainer.step(before, entry.input).carry;
        carry = after.every(Number.isFinite) ? after : own.carry;
        return { ...entry, carry: before };
      });
      return to;
    },

    forget(newest) {
      forgotten = Math.max(forgotten, steps - newest);
      entries = entries.slice(-Math.max(newest, needed));
    },

    state: () => ({
      carry: carry.slice(),
      steps,
      updated: network.learned,
      ...(reader ? { read: reader.learned } : {}),
      entries: entries.slice(-kept).map(copyOf),
      ...(replay.windows > 0 ? { random: random.state() } : {}),
      ...(mark ? { mark } : {}),
      ...(forgotten > 0 ? { forgotten } : {}),
      ...(began > 0 ? { began } : {}),
    }),
  };
}
