import { expect, expectOptions, InputError } from '../errors.js';
import { exp, log, logAdd } from '../kernels/double.js';
import { argmax } from './sample.js';

export interface TranscriptOptions {
  /** The class that says nothing. Default the last one. */
  readonly blank?: number;
  /** Sequences of labels that are followed at once; 0 takes the likeliest class of each step alone. Default 8. */
  readonly beam?: number;
  /** Labels that may still change; the oldest of more are settled. Default 16. */
  readonly open?: number;
}

/** What was said up to a step. */
export interface Transcript {
  /** Labels that this step settled: they follow those settled before, and stay. */
  readonly settled: readonly number[];
  /** The likeliest labels after the settled ones; they may still change. */
  readonly open: readonly number[];
}

/** A sequence of labels that is followed. */
interface Beam {
  /** After the settled ones. */
  readonly labels: readonly number[];
  /** The newest label, settled or not; −1 before the first. */
  readonly last: number;
  /** ln p of the ways to say it that end with a blank, and of those that end with its last label, less that of the likeliest beam. */
  readonly blank: number;
  readonly label: number;
}

/** What is remembered between steps: a value, of bounded size. */
export interface TranscriptState {
  /** The likeliest first. */
  readonly beams: readonly Beam[];
  /** ln p of the likeliest beam. */
  readonly logProbability: number;
}

/** Steps of a network that was trained with `ctc` to the labels that they say: pure, the state a value. */
export interface Transcriber {
  initial(): TranscriptState;
  /**
   * @param logits o(t) of the step
   * @throws InputError if they are not as many as classes, one is NaN or +∞, or all are −∞
   */
  read(
    state: TranscriptState,
    logits: ArrayLike<number>,
  ): { readonly state: TranscriptState; readonly transcript: Transcript };
  /** All that is open is settled. */
  finish(state: TranscriptState): Transcript;
}

const none = Number.NEGATIVE_INFINITY;

/**
 * Prefix beam search (Hannun et al. 2014, without a language model): the probability of a sequence is summed over all ways to say it that
 * are among the beams; with as many beams as there are sequences it is exact. With `beam` 0, best path decoding (Graves et al. 2006).
 *
 * A label is settled when all beams agree on it, or when more than `open` follow: then the beams that disagree end.
 *
 * @param size classes of the network
 * @throws ConfigError naming the option that is wrong
 */
export function createTranscriber(size: number, options: TranscriptOptions = {}): Transcriber {
  expectOptions(options, ['blank', 'beam', 'open']);
  expect(Number.isInteger(size) && size >= 2, 'size', 'a number of classes from 2', size);
  const { blank = size - 1, beam = 8, open = 16 } = options;
  expect(Number.isInteger(blank) && blank >= 0 && blank < size, 'blank', `a class from 0 to ${size - 1}`, blank);
  expect(Number.isInteger(beam) && beam >= 0 && beam <= 4096, 'beam', 'an integer from 0 to 4096', beam);
  expect(Number.isInteger(open) && open >= 1 && open <= 4096, 'open', 'an integer from 1 to 4096', open);

  const initial = (): TranscriptState => ({
    beams: [{ labels: [], last: -1, blank: 0, label: none }],
    logProbability: 0,
  });

  /** The likeliest class of each step, its repetitions and then the blanks left out. */
  const readBest = ({ beams, logProbability }: TranscriptState, logs: Float64Array, best: number) => {
    const [{ last, label }] = beams;
    // With a blank between, the same class is a new label.
    const fresh = best !== blank && (best !== last || label === none);
    const after: Beam =
      best === blank ? { labels: [], last, blank: 0, label: none } : { labels: [], last: best, blank: none, label: 0 };
    return {
      state: { beams: [after], logProbability: logProbability + logs[best] },
      transcript: { settled: fresh ? [best] : [], open: [] },
    };
  };

  const readBeams = ({ beams, logProbability }: TranscriptState, logs: Float64Array) => {
    const next = new Map<string, { labels: readonly number[]; last: number; blank: number; label: number }>();
    const at = (labels: readonly number[], last: number) => {
      const key = labels.join();
      const known = next.get(key);
      if (known) return known;
      const made = { labels, last, blank: none, label: none };
      next.set(key, made);
      return made;
    };
    for (const { labels, last, blank: silent, label } of beams) {
      const all = logAdd(silent, label);
      const same = at(labels, last);
      same.blank = logAdd(same.blank, all + logs[blank]);
      if (last >= 0) same.label = logAdd(same.label, label + logs[last]);
      for (let c = 0; c < size; c++) {
        if (c === blank) continue;
        const from = c === last ? silent : all;
        if (from === none) continue;
        const longer = at([...labels, c], c);
        longer.label = logAdd(longer.label, from + logs[c]);
      }
    }
    const rated = [...next.values()].map(one => ({ one, p: logAdd(one.blank, one.label) }));
    // Sorting is stable: of equal ones the first found stays first.
    rated.sort((a, b) => b.p - a.p);
    let kept = rated.slice(0, beam);
    const best = kept[0].p;
    const winner = kept[0].one.labels;
    // What all agree on, and what is too long to stay open.
    let settled = 0;
    while (settled < winner.length) {
      const agreed = kept.every(({ one }) => one.labels.length > settled && one.labels[settled] === winner[settled]);
      if (!agreed && winner.length - settled <= open) break;
      settled++;
      kept = kept.filter(({ one }) => one.labels.length >= settled && one.labels[settled - 1] === winner[settled - 1]);
    }
    return {
      state: {
        beams: kept.map(({ one }) => ({
          labels: one.labels.slice(settled),
          last: one.last,
          blank: one.blank - best,
          label: one.label - best,
        })),
        logProbability: logProbability + best,
      },
      transcript: { settled: winner.slice(0, settled), open: winner.slice(settled) },
    };
  };

  return {
    initial,
    read(state, logits) {
      if (logits.length !== size) throw new InputError(`Expected ${size} logits, got ${logits.length}`);
      const best = argmax(logits);
      const logs = logSoftmax(logits);
      return beam === 0 ? readBest(state, logs, best) : readBeams(state, logs);
    },
    finish: ({ beams }) => ({ settled: beams[0].labels, open: [] }),
  };
}

/** ln softmax(o), in float64. */
export function logSoftmax(o: ArrayLike<number>): Float64Array {
  let most = none;
  for (let c = 0; c < o.length; c++) most = Math.max(most, o[c]);
  let sum = 0;
  for (let c = 0; c < o.length; c++) sum += exp(o[c] - most);
  const whole = most + log(sum);
  return Float64Array.from({ length: o.length }, (_, c) => o[c] - whole);
}
