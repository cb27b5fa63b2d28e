import type { Point } from '../encoders/strokes.js';
import { InputError } from '../errors.js';

/** Something that was drawn, as a file has it. */
export interface Ink {
  /** What it is said to be. */
  readonly label?: string;
  /** Of which kind, where the file has several: a character, a word. */
  readonly level?: string;
  /** What else the file says of it. */
  readonly note?: string;
  readonly points: readonly Point[];
}

/** Points a second, where a file says no times. */
export const usualRate = 100;

/**
 * The number that a piece of text says.
 *
 * @throws InputError naming where it stands
 */
export function readNumber(text: string, where: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new InputError(`Expected ${where} to be a number, got ${JSON.stringify(text)}`);
  return value;
}

/** A number above 0, as `readNumber`. */
export function readPositive(text: string, where: string): number {
  const value = readNumber(text, where);
  if (value <= 0) throw new InputError(`Expected ${where} to be above 0, got ${value}`);
  return value;
}
