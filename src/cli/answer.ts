import type { ModelConfig } from '../model/config.js';
import { largest } from '../server/answer.js';
import { exact } from './numbers.js';

export const wants = ['top-k', 'prediction', 'none'] as const;
/** How much of a prediction over classes a line says: the likeliest, all of it, or nothing. */
export type Want = (typeof wants)[number];

export type Label = string | number;

/** The `count` likeliest classes, the likeliest first; of equals the lower. */
export function topOf(
  prediction: Float32Array,
  count: number,
  label: (index: number) => Label,
): { label: Label; p: number | null }[] {
  return largest(prediction, count).map(i => ({ label: label(i), p: exact(prediction[i]) }));
}

/** How a token is shown: the name it has, a byte's character where it is a printable one, or its number. */
export function labelOf(config: ModelConfig): (token: number) => Label {
  if (config.labels) return token => config.labels![token];
  const { encoder } = config;
  if (encoder?.kind === 'characters' && typeof encoder.vocabulary === 'string') {
    const characters = [...encoder.vocabulary];
    return token => characters[token] ?? '\uFFFD';
  }
  return token => (token === 9 || token === 10 || (token >= 32 && token < 127) ? String.fromCharCode(token) : token);
}

/** −ln softmax(o)[class], for display: a frozen network tells no losses. */
export function surprise(logits: Float32Array, index: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (logits[i] > most) most = logits[i];
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - most);
  return most + Math.log(sum) - logits[index];
}
