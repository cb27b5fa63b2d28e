import { type Cursor, takeEnd, takeFloats, takePackedUint32, takeTag, takeVarint, unusual } from './fast-reader.js';
import { uint32, uint64 } from './fast-writer.js';
import type { WireLimits } from './limits.js';
import type { Entry, Predictions, StepAnswer, StepLoss } from './server-messages.js';

/** Predictions as `fast-entries` and the generated module write them, within the limits; undefined for any other message. */
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
