import type { ModelConfig } from '../model/config.js';
import { counted } from './numbers.js';

/** As `256 tokens`, `1 feature`. */
export function inputSize({ kind, size }: ModelConfig['input']): string {
  return counted(size, kind === 'token' ? 'token' : 'feature');
}

/** As `10 classes`, `1 value`. */
export function outputSize({ kind, size }: ModelConfig['output']): string {
  return size === 1 ? `1 ${one[kind] ?? kind}` : `${size} ${kind}`;
}

const one: Readonly<Record<string, string>> = { classes: 'class', labels: 'label', values: 'value' };
