import { WireError } from '../errors.js';
import { areSendable, putLosses, sizeOfLosses } from './fast-losses.js';
import {
  createPage,
  isUnsigned,
  type Page,
  putFloats,
  putHead,
  putUnsigned,
  putVarint,
  sizeOfPart,
  sizeOfUnsigned,
  sizeOfVarint,
  uint32,
  uint64,
} from './fast-writer.js';
import type { Entry, StepAnswer } from './server-messages.js';

/** Entries that will be one message, as bytes while they are gathered, with room before them for what comes first in it. */
export interface Entries {
  page: Page;
  /** Where the next one goes. */
  end: number;
  count: number;
}

/** Bytes of what comes first: three tags, the numbers of session and frame, a length. */
const room = 24;

/** None yet, in memory of so many bytes. */
export function startEntries(bytes: number): Entries {
  return { page: createPage(bytes), end: room, count: 0 };
}

/** None again, in the same memory. */
export function clearEntries(entries: Entries): void {
  entries.end = room;
  entries.count = 0;
}

/** What they take so far. */
export function lengthOf({ end }: Entries): number {
  return end - room;
}

/** Puts one more at the end. Throws `WireError` if a number in it cannot be sent. */
export function addEntry(entries: Entries, entry: Entry): void {
  if (!isSendable(entry)) throw notSendable();
  const size = sizeOfEntry(entry);
  makeRoom(entries, sizeOfPart(size));
  entries.end = putEntry(entries.page, entries.end, entry, size);
  entries.count++;
}

/**
 * Puts what most frames are answered with at the end: one step each, numbered from `firstStep`, with its whole prediction, and nothing
 * else; the bytes that `addEntry` gives. Throws `WireError` as it does.
 *
 * @param count of the steps, the first ones, whose predictions are equally long
 */
export function addSteps(
  entries: Entries,
  firstStep: number,
  steps: readonly { readonly prediction: Float32Array }[],
  count: number,
): void {
  if (!isUnsigned(firstStep, uint64 - count + 1)) throw notSendable();
  const numbers = sizeOfNumbers(steps[0].prediction);
  const most = sizeOfUnsigned(firstStep + count);
  makeRoom(entries, count * sizeOfPart(most + 2 + sizeOfPart(most + numbers)));
  const { page } = entries;
  const { bytes } = page;
  let at = entries.end;
  for (let i = 0; i < count; i++) {
    const step = firstStep + i;
    const number = sizeOfUnsigned(step);
    const answer = number + numbers;
    at = putHead(bytes, at, 0x12, number + 2 + sizeOfPart(answer));
    at = putUnsigned(bytes, at, 0x08, step);
    at = putUnsigned(bytes, at, 0x10, 1);
    at = putHead(bytes, at, 0x1a, answer);
    at = putUnsigned(bytes, at, 0x08, step);
    at = putNumbers(page, at, 0x12, steps[i].prediction);
  }
  entries.end = at;
  entries.count += count;
}

function notSendable(): WireError {
  return new WireError('Expected the numbers of an entry to be sendable, got one that is not', 'invalid');
}

/** Room for so many bytes more. */
function makeRoom(entries: Entries, bytes: number): void {
  const needed = entries.end + bytes;
  if (needed <= entries.page.bytes.length) return;
  const larger = createPage(2 * needed);
  larger.bytes.set(entries.page.bytes);
  entries.page = larger;
}

/**
 * The message of these entries, the first of which answers frame `firstSeq`, as the generated module would write it; in the memory of the
 * entries.
 */
export function joinEntries(session: number, firstSeq: number, entries: Entries): Uint8Array<ArrayBuffer> {
  const { end } = entries;
  const { bytes, buffer } = entries.page;
  const length = lengthOf(entries);
  const first = sizeOfUnsigned(firstSeq);
  const start = room - (sizeOfUnsigned(session) + sizeOfPart(first + length) - length);
  let at = putUnsigned(bytes, start, 0x08, session);
  at = putHead(bytes, at, 0x1a, first + length);
  putUnsigned(bytes, at, 0x08, firstSeq);
  return new Uint8Array(buffer, start, end - start);
}

function isSendable({ firstStep, stepCount, answers, losses }: Entry): boolean {
  if (!isUnsigned(firstStep, uint64) || !isUnsigned(stepCount, uint32)) {
    return false;
  }
  for (let i = 0; i < answers.length; i++) {
    const { step, topIndices } = answers[i];
    if (!isUnsigned(step, uint64) || (topIndices !== undefined && !topIndices.every(isIndex))) {
      return false;
    }
  }
  return losses === undefined || areSendable(losses);
}

function isIndex(index: number): boolean {
  return isUnsigned(index, uint32);
}

function sizeOfEntry({ firstStep, stepCount, answers, losses }: Entry): number {
  let size = sizeOfUnsigned(firstStep) + sizeOfUnsigned(stepCount);
  for (let i = 0; i < answers.length; i++) {
    size += sizeOfPart(sizeOfAnswer(answers[i]));
  }
  return losses === undefined ? size : size + sizeOfLosses(losses);
}

/** One of the entries, `size` bytes long, from a place; returns where it ends. */
function putEntry(page: Page, start: number, { firstStep, stepCount, answers, losses }: Entry, size: number): number {
  const { bytes } = page;
  let at = putHead(bytes, start, 0x12, size);
  at = putUnsigned(bytes, at, 0x08, firstStep);
  at = putUnsigned(bytes, at, 0x10, stepCount);
  for (let i = 0; i < answers.length; i++) {
    at = putHead(bytes, at, 0x1a, sizeOfAnswer(answers[i]));
    at = putAnswer(page, at, answers[i]);
  }
  return losses === undefined ? at : putLosses(page, at, 0x22, losses);
}

function sizeOfAnswer({ step, prediction, topIndices, topValues, loss, logits, carry, limited }: StepAnswer): number {
  let size = sizeOfUnsigned(step) + sizeOfNumbers(prediction) + sizeOfNumbers(topValues);
  if (topIndices !== undefined && topIndices.length > 0) {
    size += sizeOfPart(sizeOfIndices(topIndices));
  }
  if (loss !== undefined) {
    size += 9;
  }
  return size + sizeOfNumbers(logits) + sizeOfNumbers(carry) + (limited ? 2 : 0);
}

function putAnswer(page: Page, start: number, answer: StepAnswer): number {
  const { bytes, view } = page;
  const { step, prediction, topIndices, topValues, loss, logits, carry, limited } = answer;
  let at = putUnsigned(bytes, start, 0x08, step);
  at = putNumbers(page, at, 0x12, prediction);
  if (topIndices !== undefined && topIndices.length > 0) {
    at = putHead(bytes, at, 0x1a, sizeOfIndices(topIndices));
    for (let i = 0; i < topIndices.length; i++) {
      at = putVarint(bytes, at, topIndices[i]);
    }
  }
  at = putNumbers(page, at, 0x22, topValues);
  if (loss !== undefined) {
    bytes[at] = 0x29;
    view.setFloat64(at + 1, loss, true);
    at += 9;
  }
  at = putNumbers(page, at, 0x32, logits);
  at = putNumbers(page, at, 0x3a, carry);
  return limited ? putHead(bytes, at, 0x40, 1) : at;
}

function sizeOfIndices(indices: readonly number[]): number {
  let size = 0;
  for (let i = 0; i < indices.length; i++) {
    size += sizeOfVarint(indices[i]);
  }
  return size;
}

/** Of a `Floats` message in its field; nothing where it is absent. */
function sizeOfNumbers(floats: Float32Array | undefined): number {
  return floats === undefined ? 0 : sizeOfPart(sizeOfPacked(floats));
}

/** An empty list is left out. */
function sizeOfPacked({ length }: Float32Array): number {
  return length === 0 ? 0 : sizeOfPart(4 * length);
}

function putNumbers(page: Page, start: number, tag: number, floats: Float32Array | undefined): number {
  if (floats === undefined) {
    return start;
  }
  const at = putHead(page.bytes, start, tag, sizeOfPacked(floats));
  return floats.length === 0 ? at : putFloats(page, putHead(page.bytes, at, 0x0a, 4 * floats.length), floats);
}
