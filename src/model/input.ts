import { InputError, kindOf } from '../errors.js';
import type { ModelConfig } from './config.js';

/** What one step takes: a token id, or a row of features. */
export type Input = number | Float32Array;

/** @throws InputError if the input is of another kind or shape, out of range, or not finite */
export function checkInput(config: ModelConfig, input: Input): void {
  checkShape(config, input);
  if (typeof input !== 'number' && !areFinite(input)) {
    const index = input.findIndex(value => !Number.isFinite(value));
    throw notFinite('input', input[index], index);
  }
}

/** x − x is 0, or NaN where x is not finite; four sums side by side do not wait for each other. */
function areFinite(row: Float32Array): boolean {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  for (; i + 4 <= row.length; i += 4) {
    a += row[i] - row[i];
    b += row[i + 1] - row[i + 1];
    c += row[i + 2] - row[i + 2];
    d += row[i + 3] - row[i + 3];
  }
  for (; i < row.length; i++) a += row[i] - row[i];
  return a + b + c + d === 0;
}

/** Kind, shape and range; that features are finite is seen when they are loaded. */
export function checkShape(config: ModelConfig, input: Input | null): void {
  if (input === null) return;
  const { kind, size } = config.input;
  if (kind === 'token') {
    if (typeof input !== 'number')
      throw new InputError(`Expected input to be a token (a number), got ${kindOf(input)}`);
    if (!Number.isInteger(input) || input < 0 || input >= size) {
      throw new InputError(`Expected input to be a token from 0 to ${size - 1}, got ${input}`);
    }
  } else if (!isRow(input)) {
    throw new InputError(`Expected input to be a Float32Array of ${size} features, got ${kindOf(input)}`);
  } else if (input.length !== size) {
    throw new InputError(`Expected input to have ${size} features, got ${input.length}`);
  }
}

/** A row of features; of float64 where the model is the ruler of gradient checks. */
function isRow(input: unknown): input is Float32Array {
  return input instanceof Float32Array || input instanceof Float64Array;
}

export function notFinite(name: 'input' | 'carry', value: number, index: number): InputError {
  return new InputError(`Expected ${name}[${index}] to be a finite number, got ${value}`, index, name);
}
