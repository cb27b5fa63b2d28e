import type { ModelConfig } from '../model/config.js';
import type { Step } from '../model/transfer.js';
import { type Label, surprise, topOf, type Want } from './answer.js';
import { brief, exact } from './numbers.js';
import type { Item } from './pipeline.js';
import type { Task } from './task.js';

export interface TokensOptions {
  readonly config: ModelConfig;
  /** Steps ahead that are foretold. */
  readonly horizon: number;
  readonly want: Want;
  readonly topK: number;
  readonly steps: number;
}

/** Text or bytes: each token is predicted from those before it. */
export function createTokens(options: TokensOptions): Task<number> {
  const { horizon, want, topK } = options;
  const foretold: Step[] = [];
  const moments: number[] = [];
  let steps = options.steps;
  let number = steps;
  let scored = 0;
  let bits = 0;
  const label = labelOf(options.config);
  return {
    keyOf: () => '',
    items(token) {
      const items: Item[] = [];
      if (steps >= horizon) items.push({ key: '', forStep: steps - horizon + 1, target: token });
      items.push({ key: '', input: token });
      steps++;
      moments.push(token);
      return items;
    },
    answer(step) {
      const token = moments.shift()!;
      number++;
      let loss: number | null = null;
      if (foretold.length === horizon) {
        loss = surprise(foretold.shift()!.logits, token);
        scored++;
        bits += loss / Math.LN2;
      }
      foretold.push(step);
      return {
        step: number,
        input: label(token),
        loss: loss === null ? null : brief(loss),
        bits: scored === 0 ? null : brief(bits / scored),
        ...(want === 'top-k' ? { top: topOf(step.prediction, topK, label) } : {}),
        ...(want === 'prediction' ? { prediction: Array.from(step.prediction, exact) } : {}),
      };
    },
    progress: () => `${scored === 0 ? '–' : (bits / scored).toFixed(3)} bits a character`,
  };
}

/** How a token is shown: the name it has, a byte's character where it is a printable one, or its number. */
function labelOf(config: ModelConfig): (token: number) => Label {
  if (config.labels) return token => config.labels![token];
  return token => (token === 9 || token === 10 || (token >= 32 && token < 127) ? String.fromCharCode(token) : token);
}
