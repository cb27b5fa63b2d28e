/** What a resumable session has said and its client may not have: kept until it is acknowledged, never made anew. */
import type { ServerMessage, StepAnswer } from '../wire/messages.js';
import { answerSize } from './answer.js';
import type { Counts } from './counts.js';

export interface Kept {
  /** In the order in which they were said. */
  readonly messages: ServerMessage[];
  /** So many of them, the first ones, have gone out on this connection. */
  sent: number;
  /** Of all of them, about. */
  bytes: number;
  /** Every answer up to this frame has arrived. */
  acked: number;
  /** The last frame that has its answer. */
  answered: number;
  /** How many messages that are no answers were said so far. */
  beside: number;
}

/** A session, as far as it says things. */
interface Speaker {
  readonly number: number;
  readonly outlet: { send(message: ServerMessage): void; blocked(): boolean };
  readonly counts: Counts;
  /** Undefined where nothing is kept. */
  readonly kept: Kept | undefined;
}

export function createKept(): Kept {
  return { messages: [], sent: 0, bytes: 0, acked: 0, answered: 0, beside: 0 };
}

/** Says something that must arrive: after all that was said before. */
export function say(session: Speaker, message: ServerMessage): void {
  const { kept, outlet, counts } = session;
  if (kept === undefined) {
    outlet.send(message);
    return;
  }
  const bytes = bytesOf(message);
  kept.bytes += bytes;
  counts.unacknowledgedBytes += bytes;
  const last = lastFrame(message);
  if (last > 0) kept.answered = last;
  else kept.beside++;
  kept.messages.push(message);
  pump(session);
}

/** Bytes that one session may keep: beyond, it waits for an acknowledgement. */
const mostBytes = 1 << 20;

/** So much is kept that nothing is stepped until some of it has arrived. */
export function isFull({ kept }: Speaker): boolean {
  return kept !== undefined && kept.bytes > mostBytes;
}

/** Sends what waits for a peer that reads. */
export function pump({ kept, outlet, number }: Speaker): void {
  if (kept === undefined) return;
  const { messages } = kept;
  while (kept.sent < messages.length && !outlet.blocked()) {
    const message = messages[kept.sent++];
    outlet.send(message.session === number ? message : { ...message, session: number });
  }
}

/** Lets go of the answers up to frame `seq`, and of what was said before them. False if there are no such answers yet. */
export function acknowledge({ kept, counts }: Speaker, seq: number): boolean {
  if (kept === undefined || seq <= kept.acked) return true;
  if (seq > kept.answered) return false;
  kept.acked = seq;
  const { messages } = kept;
  let arrived = 0;
  for (let i = 0; i < messages.length; i++) {
    const last = lastFrame(messages[i]);
    if (last > seq) break;
    if (last > 0) arrived = i + 1;
  }
  let bytes = 0;
  for (let i = 0; i < arrived; i++) bytes += bytesOf(messages[i]);
  if (arrived === 1) messages.shift();
  else messages.splice(0, arrived);
  kept.sent = Math.max(0, kept.sent - arrived);
  kept.bytes -= bytes;
  counts.unacknowledgedBytes -= bytes;
  return true;
}

/**
 * The client goes on, having received the answers up to frame `seq`, and `beside` other messages in all: the rest will be
 * sent again.
 */
export function rewind(session: Speaker, seq: number, beside: number): void {
  acknowledge(session, seq);
  const { kept, counts } = session;
  if (kept === undefined) return;
  const { messages } = kept;
  const before = kept.bytes;
  let number = kept.beside - messages.reduce((sum, message) => sum + (lastFrame(message) > 0 ? 0 : 1), 0);
  while (messages.length > 0 && lastFrame(messages[0]) === 0 && number < beside) {
    number++;
    kept.bytes -= bytesOf(messages.shift()!);
  }
  const [first] = messages;
  if (first !== undefined && lastFrame(first) > 0) {
    kept.bytes -= bytesOf(first);
    messages[0] = part(first, seq + 1, Number.POSITIVE_INFINITY)!;
    kept.bytes += bytesOf(messages[0]);
  }
  counts.unacknowledgedBytes += kept.bytes - before;
  kept.sent = 0;
}

/** Sends the kept answers to frames that have come again, as far as they were sent before. */
export function answerAgain({ kept, outlet, number }: Speaker, firstSeq: number, lastSeq: number): void {
  for (let i = 0; i < kept!.sent && !outlet.blocked(); i++) {
    const answers = part(kept!.messages[i], firstSeq, lastSeq);
    if (answers !== undefined) outlet.send({ ...answers, session: number });
  }
}

/** Takes up what was kept of a session that was saved. */
export function takeKept(
  { kept, counts }: Speaker,
  messages: readonly ServerMessage[],
  numbers: Pick<Kept, 'acked' | 'answered' | 'beside'>,
): void {
  if (kept === undefined) return;
  kept.messages.push(...messages);
  for (const message of messages) kept.bytes += bytesOf(message);
  counts.unacknowledgedBytes += kept.bytes;
  Object.assign(kept, numbers);
}

/** Numbers that lie in larger pieces of memory get memory of their own, so that the rest can go. */
export function settle({ kept }: Speaker): void {
  if (kept === undefined) return;
  const { messages } = kept;
  messages.forEach((message, i) => {
    if (message.type !== 'predictions') return;
    const entries = message.entries.map(entry => ({ ...entry, answers: entry.answers.map(ownNumbers) }));
    messages[i] = { ...message, entries };
  });
}

function ownNumbers(answer: StepAnswer): StepAnswer {
  const own = { ...answer } as { [name: string]: unknown };
  for (const name of ['prediction', 'topValues', 'logits', 'carry']) {
    if (own[name] !== undefined) own[name] = (own[name] as Float32Array).slice();
  }
  return own as unknown as StepAnswer;
}

/** Lets go of everything. */
export function drop({ kept, counts }: Speaker): void {
  if (kept === undefined) return;
  counts.unacknowledgedBytes -= kept.bytes;
  kept.bytes = kept.sent = kept.messages.length = 0;
}

/** The last frame that a message answers; 0 if it is no answer. */
function lastFrame(message: ServerMessage): number {
  if (message.type === 'predictions') return message.firstSeq + message.entries.length - 1;
  return message.type === 'fault' ? (message.forSeq ?? 0) : 0;
}

/** The answers in a message to the frames of a range. */
function part(message: ServerMessage, firstSeq: number, lastSeq: number): ServerMessage | undefined {
  if (message.type === 'fault') {
    const { forSeq = 0 } = message;
    return forSeq >= firstSeq && forSeq <= lastSeq ? message : undefined;
  }
  if (message.type !== 'predictions') return undefined;
  const from = Math.max(0, firstSeq - message.firstSeq);
  const entries = message.entries.slice(from, Math.max(from, lastSeq - message.firstSeq + 1));
  return entries.length === 0 ? undefined : { ...message, firstSeq: message.firstSeq + from, entries };
}

function bytesOf(message: ServerMessage): number {
  switch (message.type) {
    case 'predictions': {
      let numbers = 16;
      for (const { answers } of message.entries) {
        numbers += 8;
        for (const answer of answers) numbers += answerSize(answer);
      }
      return 4 * numbers;
    }
    case 'losses':
      return 64 + 32 * message.losses.length;
    case 'finished':
      return 256 + (message.carry?.byteLength ?? 0) + (message.state?.byteLength ?? 0);
    default:
      return 256;
  }
}
