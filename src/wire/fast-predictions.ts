import { WireError } from '../errors.js';
import { areSendable, bytesOfLoss, putLosses } from './fast-losses.js';
import { type Cursor, takeEnd, takeFloats, takePackedUint32, takeTag, takeVarint, unusual } from './fast-reader.js';
import {
  isUnsigned,
  moveMessage,
  position,
  putByte,
  putDouble,
  putFloats,
  putLength,
  putLengthWith,
  putUnsigned,
  putVarint,
  startMessage,
  takeMessage,
  uint32,
  uint64,
} from './fast-writer.js';
import type { WireLimits } from './limits.js';
import type { Entry, Predictions, StepAnswer, StepLoss } from './server-messages.js';

/** Bytes of an answer or entry beside its numbers, at most: eight tags with two lengths each, two numbers. */
const overhead = 96;

/** Predictions as the generated module would write them; undefined if a number in them cannot be sent. */
export function encodePredictions(message: Predictions): Uint8Array<ArrayBuffer> | undefined {
  const { session, firstSeq, entries } = message;
  let most = 0;
  for (const entry of entries) {
    const size = largest(entry);
    if (size === unusual) {
      return undefined;
    }
    most += size;
  }
  if (!isUnsigned(session, uint32) || !isUnsigned(firstSeq, uint64)) {
    return undefined;
  }
  startMessage(overhead + most);
  const end = position();
  for (let i = entries.length - 1; i >= 0; i--) {
    putEntry(entries[i]);
  }
  putUnsigned(0x08, firstSeq);
  putLength(0x1a, end);
  putUnsigned(0x08, session);
  return takeMessage();
}

/** Entries that will be one message, as bytes while they are gathered, with room before them for what comes first in it. */
export interface Entries {
  bytes: Uint8Array<ArrayBuffer>;
  /** Where the next one goes. */
  end: number;
  count: number;
}

/** Bytes of what comes first: three tags, the numbers of session and frame, a length. */
const room = 24;

/** None yet, in memory of so many bytes, or in this one. */
export function startEntries(memory: number | Uint8Array<ArrayBuffer>): Entries {
  return { bytes: typeof memory === 'number' ? new Uint8Array(memory) : memory, end: room, count: 0 };
}

/** What they take so far. */
export function lengthOf({ end }: Entries): number {
  return end - room;
}

/** Puts one more at the end. Throws `WireError` if a number in it cannot be sent. */
export function addEntry(entries: Entries, entry: Entry): void {
  const most = largest(entry);
  if (most === unusual) {
    throw new WireError('Expected the numbers of an entry to be sendable, got one that is not', 'invalid');
  }
  if (entries.end + most > entries.bytes.length) {
    const larger = new Uint8Array(2 * (entries.end + most));
    larger.set(entries.bytes);
    entries.bytes = larger;
  }
  startMessage(most);
  putEntry(entry);
  entries.end = moveMessage(entries.bytes, entries.end);
  entries.count++;
}

/**
 * The message of these entries, the first of which answers frame `firstSeq`: the bytes that `encodePredictions` gives, in the memory of the
 * entries.
 */
export function joinEntries(session: number, firstSeq: number, entries: Entries): Uint8Array<ArrayBuffer> {
  const { bytes, end } = entries;
  const length = lengthOf(entries);
  startMessage(room);
  const after = position();
  putUnsigned(0x08, firstSeq);
  putLengthWith(0x1a, after, length);
  putUnsigned(0x08, session);
  const start = room - (after - position());
  moveMessage(bytes, start);
  return new Uint8Array(bytes.buffer, start, end - start);
}

/** A bound on the bytes of an entry; `unusual` if a number in it cannot be sent. */
function largest({ firstStep, stepCount, answers, losses = [] }: Entry): number {
  if (!isUnsigned(firstStep, uint64) || !isUnsigned(stepCount, uint32) || !areSendable(losses)) {
    return unusual;
  }
  let most = overhead + bytesOfLoss * losses.length;
  for (const { step, prediction, topIndices, topValues, logits, carry } of answers) {
    if (!isUnsigned(step, uint64) || !(topIndices?.every(index => isUnsigned(index, uint32)) ?? true)) {
      return unusual;
    }
    most += overhead + 5 * (topIndices?.length ?? 0);
    most += 4 * ((prediction?.length ?? 0) + (topValues?.length ?? 0) + (logits?.length ?? 0) + (carry?.length ?? 0));
  }
  return most;
}

function putEntry({ firstStep, stepCount, answers, losses }: Entry): void {
  const end = position();
  if (losses !== undefined) putLosses(0x22, losses);
  for (let i = answers.length - 1; i >= 0; i--) {
    putAnswer(answers[i]);
  }
  putUnsigned(0x10, stepCount);
  putUnsigned(0x08, firstStep);
  putLength(0x12, end);
}

function putAnswer({ step, prediction, topIndices, topValues, loss, logits, carry, limited }: StepAnswer): void {
  const end = position();
  if (limited) {
    putByte(1);
    putByte(0x40);
  }
  putNumbers(0x3a, carry);
  putNumbers(0x32, logits);
  if (loss !== undefined) {
    putDouble(loss);
    putByte(0x29);
  }
  putNumbers(0x22, topValues);
  if (topIndices !== undefined && topIndices.length > 0) {
    const indicesEnd = position();
    for (let i = topIndices.length - 1; i >= 0; i--) {
      putVarint(topIndices[i]);
    }
    putLength(0x1a, indicesEnd);
  }
  putNumbers(0x12, prediction);
  putUnsigned(0x08, step);
  putLength(0x1a, end);
}

function putNumbers(tag: number, floats: Float32Array | undefined): void {
  if (floats === undefined) {
    return;
  }
  const end = position();
  if (floats.length > 0) {
    putFloats(floats);
    putLength(0x0a, end);
  }
  putLength(tag, end);
}

/** Predictions in the form above and within the limits; undefined for any other message. */
export function decodePredictions(bytes: Uint8Array, limits: WireLimits): Predictions | undefined {
  const end = bytes.length;
  if (end > limits.maxBytes) {
    return undefined;
  }
  const cursor: Cursor = { bytes, at: 0, items: 0 };
  const session = takeTag(cursor, 0x08, end) ? takeVarint(cursor, end, uint32) : 0;
  if (session === unusual || !takeTag(cursor, 0x1a, end) || takeEnd(cursor, end) !== end) {
    return undefined;
  }
  const firstSeq = takeTag(cursor, 0x08, end) ? takeVarint(cursor, end, uint64) : 0;
  const entries: Entry[] = [];
  while (takeTag(cursor, 0x12, end)) {
    const entry = takeEntry(cursor, end);
    if (entry === undefined || cursor.items > limits.maxItems) {
      return undefined;
    }
    entries.push(entry);
  }
  if (firstSeq === unusual || cursor.at !== end || cursor.items > limits.maxItems) {
    return undefined;
  }
  return { type: 'predictions', session, firstSeq, entries };
}

function takeEntry(cursor: Cursor, messageEnd: number): Entry | undefined {
  const end = takeEnd(cursor, messageEnd);
  if (end === unusual) {
    return undefined;
  }
  const firstStep = takeTag(cursor, 0x08, end) ? takeVarint(cursor, end, uint64) : 0;
  const stepCount = takeTag(cursor, 0x10, end) ? takeVarint(cursor, end, uint32) : 0;
  const answers: StepAnswer[] = [];
  while (takeTag(cursor, 0x1a, end)) {
    const answer = takeAnswer(cursor, end);
    if (answer === undefined) {
      return undefined;
    }
    answers.push(answer);
  }
  const losses: StepLoss[] = [];
  while (takeTag(cursor, 0x22, end)) {
    const loss = takeLoss(cursor, end);
    if (loss === undefined) {
      return undefined;
    }
    losses.push(loss);
  }
  if (firstStep === unusual || stepCount === unusual || cursor.at !== end) {
    return undefined;
  }
  return losses.length > 0 ? { firstStep, stepCount, answers, losses } : { firstStep, stepCount, answers };
}

function takeLoss(cursor: Cursor, entryEnd: number): StepLoss | undefined {
  const end = takeEnd(cursor, entryEnd);
  if (end === unusual) {
    return undefined;
  }
  const step = takeTag(cursor, 0x08, end) ? takeVarint(cursor, end, uint64) : 0;
  let loss = 0;
  if (step !== unusual && takeTag(cursor, 0x11, end)) {
    if (cursor.at + 8 > end) {
      return undefined;
    }
    loss = readDouble(cursor);
  }
  return step === unusual || cursor.at !== end ? undefined : { step, loss };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function takeAnswer(cursor: Cursor, entryEnd: number): StepAnswer | undefined {
  const end = takeEnd(cursor, entryEnd);
  if (end === unusual) {
    return undefined;
  }
  const step = takeTag(cursor, 0x08, end) ? takeVarint(cursor, end, uint64) : 0;
  const answer: Writable<StepAnswer> = { step };
  let whole = step !== unusual;
  if (whole && takeTag(cursor, 0x12, end)) {
    answer.prediction = takeFloats(cursor, end);
    whole = answer.prediction !== undefined;
  }
  if (whole && takeTag(cursor, 0x1a, end)) {
    answer.topIndices = takePackedUint32(cursor, end);
    whole = answer.topIndices !== undefined && answer.topIndices.length > 0;
  }
  if (whole && takeTag(cursor, 0x22, end)) {
    answer.topValues = takeFloats(cursor, end);
    whole = answer.topValues !== undefined;
  }
  if (whole && takeTag(cursor, 0x29, end)) {
    whole = cursor.at + 8 <= end;
    if (whole) {
      answer.loss = readDouble(cursor);
    }
  }
  if (whole && takeTag(cursor, 0x32, end)) {
    answer.logits = takeFloats(cursor, end);
    whole = answer.logits !== undefined;
  }
  if (whole && takeTag(cursor, 0x3a, end)) {
    answer.carry = takeFloats(cursor, end);
    whole = answer.carry !== undefined;
  }
  if (whole && takeTag(cursor, 0x40, end)) {
    whole = takeVarint(cursor, end, 1) === 1;
    answer.limited = true;
  }
  return whole && cursor.at === end ? answer : undefined;
}

const doubleBytes = new Uint8Array(8);
const double = new DataView(doubleBytes.buffer);

function readDouble(cursor: Cursor): number {
  for (let i = 0; i < 8; i++) {
    doubleBytes[i] = cursor.bytes[cursor.at++];
  }
  return double.getFloat64(0, true);
}
