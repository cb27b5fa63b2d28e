import type { Encoder } from '../encoders/encoder.js';
import { InputError } from '../errors.js';
import { type Carry, checkCarry, firstNotFinite } from '../model/carry.js';
import type { ModelConfig } from '../model/config.js';
import type { Input } from '../model/input.js';
import type { Model } from '../model/model.js';
import { outputWidth } from '../model/outputs.js';
import { writeFloat } from '../wire/json.js';
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

const fields = ['model', 'carry', 'input', 'inputs', 'text', 'points'];
/** The other fields of an answer, which may come back as it is with the next input. */
const answered = ['prediction', 'logits', 'steps', 'labels'];

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
  const other = Object.keys(body).find(field => !fields.includes(field) && !answered.includes(field));
  if (other !== undefined) throw invalid(`a field to be one of ${fields.join(', ')}`, other);
  const { model: name, carry: given, input, inputs, text, points } = body as Record<string, unknown>;
  if (name !== undefined && typeof name !== 'string') throw invalid('model to be a name', name);
  const served = findModel(models, name);
  if (served === undefined) {
    const names = [...models.keys()].join(', ');
    throw new RequestError(404, 'unknown_model', `Expected model to be one of ${names}, got ${name || 'no name'}`);
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
    if (steps.length > 0) checkState(carry, steps.length);
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
  const { config } = served.model;
  if (name === 'input') return [readInput(config, name, value)];
  const raw = name !== 'inputs';
  if (raw && served.takes !== name) {
    throw new InputError(`Expected input or inputs, got ${name}: ${served.name} has no encoder of ${name}`);
  }
  const rows = raw ? encodeRaw(served.encoder!, name, value) : value;
  if (!Array.isArray(rows) || rows.length === 0 || rows.length > most) {
    throw invalid(`${name} to be 1 to ${most} steps`, Array.isArray(rows) ? `${rows.length} of them` : rows);
  }
  return raw ? rows : rows.map((row, i) => readInput(config, `inputs[${i}]`, row));
}

function encodeRaw(encoder: Encoder, name: string, raw: unknown): readonly Input[] {
  if (name === 'text' && typeof raw !== 'string') throw invalid('text to be a string', raw);
  const whole = name === 'points' && Array.isArray(raw) ? raw.map(point => point && { up: false, ...point }) : raw;
  const { inputs, state } = encoder.encode(encoder.initial(), whole);
  return [...inputs, ...encoder.finish(state)];
}

/** @throws InputError in the words of what was sent */
function readInput({ input: { kind, size } }: ModelConfig, name: string, value: unknown): Input {
  if (kind === 'token') {
    if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < size) return value as number;
    throw new InputError(`Expected ${name} to be a token, a number from 0 to ${size - 1}, got ${shown(value)}`);
  }
  const numbers = readNumbers(name, `a list of numbers (${size} features)`, value);
  if (numbers.length !== size) {
    throw new InputError(`Expected ${name} to have ${size} features, got ${numbers.length}`);
  }
  return numbers;
}

function readCarry(model: Model, value: unknown): Carry {
  if (value === undefined || value === null) return model.zeroCarry();
  const carry = readNumbers('carry', `a list of ${model.carryLayout.size} numbers`, value);
  checkCarry(model.carryLayout, carry);
  return carry;
}

/** @throws InputError if no step can be made from it */
function checkState(carry: Carry, made: number): void {
  const bad = firstNotFinite(carry);
  if (bad < 0) return;
  const message = `Expected the state to be finite numbers after step ${made}, got ${carry[bad]} at ${bad}: it grew beyond float32; begin with another carry`;
  throw new InputError(message, bad);
}

/** What an answer says as text is read again; numbers that the network cannot step on are told as they were sent. */
function readNumbers(name: string, expected: string, value: unknown): Float32Array {
  if (!Array.isArray(value)) throw new InputError(`Expected ${name} to be ${expected}, got ${shown(value)}`);
  return Float32Array.from(value, (item: unknown, i) => {
    const number = typeof item === 'string' && inText.has(item) ? Number(item) : item;
    if (typeof number !== 'number')
      throw new InputError(`Expected ${name} to be ${expected}, got ${shown(item)} at ${i}`, i);
    if (!Number.isFinite(Math.fround(number)))
      throw new InputError(`Expected ${name}[${i}] to be a finite number of float32, got ${number}`, i);
    return number;
  });
}

const inText: ReadonlySet<string> = new Set(['NaN', 'Infinity', '-Infinity', '-0']);

/** As JSON has it, and no more of it than tells what it is. */
function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** Numbers that read back as the same bits; what JSON cannot say is text. */
function plain(values: Float32Array): (number | string)[] {
  return Array.from(values, value => writeFloat(value));
}

function invalid(expected: string, got: unknown): RequestError {
  const found = typeof got === 'string' ? got.slice(0, 40) : shown(got);
  return new RequestError(400, 'invalid', `Expected ${expected}, got ${found}`);
}
