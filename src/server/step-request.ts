import type { Encoder } from '../encoders/encoder.js';
import { InputError } from '../errors.js';
import type { Carry } from '../model/carry.js';
import type { Input } from '../model/input.js';
import type { Model } from '../model/model.js';
import { outputWidth } from '../model/outputs.js';
import { shortestFloat } from '../wire/floats.js';
import { findModel, type Served } from './served.js';

/** Why a request was refused: an HTTP status, and a code for programs. */
export class RequestError extends Error {
  readonly status: number;
  readonly fault: string;

  constructor(status: number, fault: string, message: string) {
    super(message);
    this.status = status;
    this.fault = fault;
  }
}

/** Numbers in one answer, at most. */
const mostNumbers = 1 << 18;

/**
 * One step (`input`) or several (`inputs`, or the `text` or the `points` that its encoder makes them of) for whoever keeps the carry:
 * `{ model?, carry?, input | inputs | text | points }` in plain numbers to `{ model, carry, prediction, logits }`, or for several to
 * `{ model, carry, steps }`; `labels` where the model has names for its outputs.
 *
 * @param most steps of a request
 * @param breathe waits between two steps where others are due
 * @throws RequestError, InputError
 */
export async function stepRequest(
  models: ReadonlyMap<string, Served>,
  body: unknown,
  most: number,
  breathe: () => Promise<void>,
): Promise<object> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid('a JSON object with input or inputs', body);
  }
  const { model: name, carry: given, input, inputs, text, points } = body as Record<string, unknown>;
  if (name !== undefined && typeof name !== 'string') throw invalid('model to be a name', name);
  const served = findModel(models, name);
  if (served === undefined) {
    const names = [...models.keys()].join(', ');
    throw new RequestError(404, 'unknown_model', `Expected model to be one of ${names}, got ${name ?? 'no name'}`);
  }
  const rows = rowsOf(served, { input, inputs, text, points }, most);
  const { model } = served;
  const { labels, output } = model.config;
  const numbers = rows.length * 2 * outputWidth(output);
  if (rows.length > 1 && numbers > mostNumbers) {
    throw new RequestError(
      413,
      'too_large',
      `Expected steps with an answer of at most ${mostNumbers} numbers, got ${numbers}: send them in parts, with the carry`,
    );
  }
  for (const row of rows) model.checkInput(row);
  let carry = readCarry(model, given);
  const steps: { prediction: (number | string)[]; logits: (number | string)[] }[] = [];
  for (const row of rows) {
    await breathe();
    const step = model.step(carry, row);
    carry = step.carry;
    steps.push({ prediction: plain(step.prediction), logits: plain(step.logits) });
  }
  return {
    model: served.name,
    ...(input === undefined ? { steps } : steps[0]),
    carry: plain(carry),
    ...(labels === undefined ? {} : { labels }),
  };
}

/** The inputs of a request; of text and points, those that its encoder makes. */
function rowsOf(
  served: Served,
  given: Record<'input' | 'inputs' | 'text' | 'points', unknown>,
  most: number,
): readonly Input[] {
  const names = Object.entries(given).filter(([, value]) => value !== undefined);
  if (names.length !== 1) {
    const found = names.map(([name]) => name).join(' and ') || 'none';
    throw new RequestError(400, 'invalid', `Expected one of input, inputs, text and points, got ${found}`);
  }
  const [[name, value]] = names;
  if (name === 'input') return [readInput(value)];
  const raw = name !== 'inputs';
  if (raw && served.takes !== name) {
    throw new InputError(`Expected input or inputs, got ${name}: ${served.name} has no encoder of ${name}`);
  }
  const rows = raw ? encodeRaw(served.encoder!, name, value) : value;
  if (!Array.isArray(rows) || rows.length === 0 || rows.length > most) {
    throw invalid(`${name} to be 1 to ${most} steps`, Array.isArray(rows) ? `${rows.length} of them` : rows);
  }
  return raw ? rows : rows.map(readInput);
}

function encodeRaw(encoder: Encoder, name: string, raw: unknown): readonly Input[] {
  if (name === 'text' && typeof raw !== 'string') throw invalid('text to be a string', raw);
  const { inputs, state } = encoder.encode(encoder.initial(), raw);
  return [...inputs, ...encoder.finish(state)];
}

function readInput(value: unknown): Input {
  if (typeof value === 'number') return value;
  if (isNumbers(value)) return Float32Array.from(value);
  throw new InputError(
    `Expected input to be a token (a number) or a list of numbers, got ${JSON.stringify(value)?.slice(0, 40)}`,
  );
}

function readCarry(model: Model, value: unknown): Carry {
  const { size } = model.carryLayout;
  if (value === undefined || value === null) return model.zeroCarry();
  if (!isNumbers(value)) throw new InputError('Expected carry to be a list of numbers');
  if (value.length !== size) throw new InputError(`Expected carry to have ${size} numbers, got ${value.length}`);
  const carry = Float32Array.from(value);
  const bad = carry.findIndex(number => !Number.isFinite(number));
  if (bad >= 0) throw new InputError(`Expected carry[${bad}] to be a finite number, got ${value[bad]}`, bad);
  return carry;
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(item => typeof item === 'number');
}

/** Numbers that read back as the same bits; what JSON cannot say is text. */
function plain(values: Float32Array): (number | string)[] {
  return Array.from(values, value =>
    !Number.isFinite(value) ? String(value) : Object.is(value, -0) ? '-0' : shortestFloat(value),
  );
}

function invalid(expected: string, got: unknown): RequestError {
  const found = typeof got === 'string' ? got : JSON.stringify(got);
  return new RequestError(400, 'invalid', `Expected ${expected}, got ${found?.slice(0, 40)}`);
}
