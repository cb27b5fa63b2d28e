import type { ModelConfig } from '../model/config.js';
import type { Step } from '../model/transfer.js';
import type { Metrics } from '../training/judge.js';
import { labelOf, surprise, topOf, type Want } from './answer.js';
import { createFadingMean, type FadingSum } from './fading.js';
import { brief, exact } from './numbers.js';
import type { Item } from './pipeline.js';
import { createRing } from './ring.js';
import { resumeMetrics, type SavedMetrics } from './saved-metrics.js';
import type { Resumed, Task } from './task.js';

export interface TokensOptions {
  readonly config: ModelConfig;
  /** Steps ahead that are foretold. */
  readonly horizon: number;
  readonly want: Want;
  readonly topK: number;
  readonly resumed?: Resumed;
  /** Steps after which the text repeats itself; with it or `measured`, the run is measured. */
  readonly season?: number;
  readonly measured?: boolean;
}

interface Saved {
  readonly scored: number;
  /** NaN, and null in a file, once a loss was no finite number. */
  readonly bits: number | null;
  readonly recent: FadingSum;
  readonly frequencies: { readonly counts: readonly number[]; readonly bits: number };
  readonly metrics?: SavedMetrics;
}

/** Text or bytes: each token is foretold from those before it. */
export function createTokens(options: TokensOptions): Task<number> {
  const { config, horizon, want, topK, resumed } = options;
  const { size } = config.input;
  const state = resumed?.states.get('');
  const saved = isSaved(resumed?.saved, size) ? (resumed!.saved as Saved) : undefined;
  const label = labelOf(config);
  const unit = config.encoder?.kind === 'bytes' ? 'byte' : 'character';

  let taken = state?.steps ?? 0;
  let answered = taken;
  const moments: number[] = [];
  /** o(t) of the newest steps, whose tokens have not come. */
  const open = (state?.entries ?? []).slice(-horizon);
  const foretold = createRing<Float32Array>(horizon);
  for (const { logits } of open) foretold.put(logits);
  let scored = saved?.scored ?? 0;
  let bits = saved ? (saved.bits ?? Number.NaN) : 0;
  const recent = createFadingMean(saved?.recent);
  const frequencies = createFrequencies(size, saved?.frequencies);
  const metrics = options.measured
    ? resumeMetrics({ kind: 'classes', season: options.season }, saved?.metrics, fresh => {
        open.forEach(({ input }, i) => {
          const number = answered - open.length + 1 + i;
          fresh.known(number - horizon, input as number);
          fresh.predicted(number);
        });
      })
    : undefined;
  let measured: Metrics | undefined;

  return {
    items(token) {
      const items: Item[] = [];
      if (taken >= horizon) items.push({ key: '', forStep: taken - horizon + 1, target: token });
      items.push({ key: '', input: token });
      taken++;
      moments.push(token);
      return items;
    },

    answer(step: Step) {
      const token = moments.shift()!;
      answered++;
      let loss: number | null = null;
      if (foretold.size === horizon) {
        const logits = foretold.take()!;
        loss = surprise(logits, token);
        measured = metrics?.scored(answered - horizon, logits, token, loss) ?? measured;
        scored++;
        bits += loss * Math.LOG2E;
        recent.add(loss * Math.LOG2E);
        frequencies.score(token);
      } else {
        metrics?.known(answered - horizon, token);
      }
      frequencies.count(token);
      foretold.put(step.logits);
      metrics?.predicted(answered);
      return {
        step: answered,
        input: label(token),
        loss: loss === null ? null : brief(loss),
        bits: brief(recent.value()),
        ...(want === 'top-k' ? { top: topOf(step.prediction, topK, label) } : {}),
        ...(want === 'prediction' ? { prediction: Array.from(step.prediction, exact) } : {}),
      };
    },

    progress() {
      if (scored === 0) return [];
      const mean = (bits / scored).toFixed(3);
      const alone = (frequencies.bits() / scored).toFixed(3);
      return [`${mean} bits a ${unit}`, `lately ${recent.value().toFixed(3)}`, `frequencies alone ${alone}`];
    },

    metrics: () => measured,
    save: (): Saved => ({
      scored,
      bits,
      recent: recent.state(),
      frequencies: frequencies.state(),
      ...(metrics && { metrics: metrics.save() }),
    }),
    write: token => token,
    read: written =>
      Number.isInteger(written) && (written as number) >= 0 && (written as number) < size
        ? (written as number)
        : undefined,
    outputName: index => JSON.stringify(label(index)),
  };
}

/** What a coder would need that only counts the tokens (each begins with ½, Krichevsky and Trofimov 1981). */
function createFrequencies(size: number, from?: Saved['frequencies']) {
  const counts = Float64Array.from(from?.counts ?? new Float64Array(size));
  let total = counts.reduce((a, b) => a + b, 0);
  let bits = from?.bits ?? 0;
  return {
    score(token: number) {
      bits -= Math.log2((counts[token] + 0.5) / (total + 0.5 * size));
    },
    count(token: number) {
      counts[token]++;
      total++;
    },
    bits: () => bits,
    state: () => ({ counts: Array.from(counts), bits }),
  };
}

function isSaved(found: unknown, size: number): boolean {
  const saved = found as Partial<Saved> | null | undefined;
  const numbers = [saved?.scored, saved?.recent?.weight, saved?.frequencies?.bits];
  const sums = [saved?.bits, saved?.recent?.sum];
  const counts = saved?.frequencies?.counts;
  const known = numbers.every(Number.isFinite) && sums.every(sum => sum === null || Number.isFinite(sum));
  return known && Array.isArray(counts) && counts.length === size && counts.every(n => n >= 0);
}
