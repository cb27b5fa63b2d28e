/** What a resumable session has said and its client may not have: kept until it is acknowledged, never made anew. */
import {
  copyMessage,
  decodeServer,
  defaultLimits,
  type Entries,
  encodeServer,
  type ServerMessage,
} from '../wire/messages.js';
import type { Counts } from './counts.js';
import { giveBack } from './entries.js';

/** A message as it went out, or is to: small, and not one object for the collector to follow for each of its numbers. */
interface Said {
  /** Of `eddy.v1.proto`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The number of the session in them. */
  readonly session: number;
  /** The last frame that it answers; 0 if it is no answer. */
  readonly last: number;
}

export interface KeptMessages {
  /** In the order in which they were said. */
  readonly messages: Said[];
  /** So many of them, the first ones, have gone out on this connection. */
  sent: number;
  /** Of all of them. */
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
  readonly outlet: {
    send(message: ServerMessage): void;
    sendBytes(bytes: Uint8Array<ArrayBuffer>, memory?: Entries): void;
    blocked(): boolean;
  };
  readonly counts: Counts;
  readonly share: Share;
  /** Undefined where nothing is kept. */
  readonly kept: KeptMessages | undefined;
}

export function createKept(): KeptMessages {
  return { messages: [], sent: 0, bytes: 0, acked: 0, answered: 0, beside: 0 };
}

/** Says something that must arrive: after all that was said before. */
export function say(session: Speaker, message: ServerMessage): void {
  if (session.kept === undefined) session.outlet.send(message);
  else keep(session, encoded(message));
}

/** Says predictions that are written already: as `bytes`, which lie in `memory`, with the answers to all frames up to `last`. */
export function sayPredictions(session: Speaker, bytes: Said['bytes'], last: number, memory: Entries): void {
  if (session.kept === undefined) {
    session.outlet.sendBytes(bytes, memory);
  } else {
    keep(session, { bytes: copyMessage(bytes), session: session.number, last });
    giveBack(memory);
  }
}

function keep(session: Speaker, said: Said): void {
  const kept = session.kept!;
  if (said.last > 0) kept.answered = said.last;
  else kept.beside++;
  kept.messages.push(said);
  weigh(session, said.bytes.length);
  pump(session);
}

function encoded(message: ServerMessage): Said {
  const bytes = encodeServer(message, 'eddy.v1.proto') as Uint8Array<ArrayBuffer>;
  return { bytes, session: message.session, last: lastFrame(message) };
}

/** The bounds were those of its session when it was said. */
const limits = { ...defaultLimits, maxBytes: 1 << 28, maxItems: 1 << 24 };

/** What was said, of its bytes. */
export function decodeSaid(bytes: Uint8Array): ServerMessage {
  return decodeServer(bytes, true, 'eddy.v1.proto', limits);
}

/** So many bytes more are kept. */
function weigh({ kept, counts }: Speaker, bytes: number): void {
  kept!.bytes += bytes;
  counts.unacknowledgedBytes += bytes;
}

/** Bytes that any session may keep: beyond, it waits for an acknowledgement. */
const mostBytes = 1 << 20;

/** Bytes that each session may keep at present: its part of what all may. */
export interface Share {
  bytes(): number;
}

/** The part of one of so many sessions in `all` bytes. */
export function shareOf(all: number, sessions: number): number {
  return Math.min(mostBytes, all / Math.max(1, sessions));
}

/** So much is kept that nothing is stepped until some of it has arrived. */
export function isFull({ kept, share }: Speaker): boolean {
  return kept !== undefined && kept.bytes > share.bytes();
}

/** Sends what waits for a peer that reads. */
export function pump({ kept, outlet, number }: Speaker): void {
  if (kept === undefined) return;
  const { messages } = kept;
  while (kept.sent < messages.length && !outlet.blocked()) {
    const said = messages[kept.sent++];
    if (said.session === number) outlet.sendBytes(said.bytes);
    else outlet.send({ ...decodeSaid(said.bytes), session: number });
  }
}

/** All that was kept so far has gone out, once what may go has: what is said now without being kept comes after it. */
export function allSent(session: Speaker): boolean {
  pump(session);
  return session.kept === undefined || session.kept.sent === session.kept.messages.length;
}

/** Lets go of the answers up to frame `seq`, and of what was said before them. False if there are no such answers yet. */
export function acknowledge(session: Speaker, seq: number): boolean {
  const { kept } = session;
  if (kept === undefined || seq <= kept.acked) return true;
  if (seq > kept.answered) return false;
  kept.acked = seq;
  const { messages } = kept;
  let arrived = 0;
  for (let i = 0; i < messages.length; i++) {
    const { last } = messages[i];
    if (last > seq) break;
    if (last > 0) arrived = i + 1;
  }
  let bytes = 0;
  for (let i = 0; i < arrived; i++) bytes += messages[i].bytes.length;
  if (arrived === 1) messages.shift();
  else messages.splice(0, arrived);
  kept.sent = Math.max(0, kept.sent - arrived);
  weigh(session, -bytes);
  return true;
}

/**
 * The client goes on, having received the answers up to frame `seq`, and `beside` other messages in all: the rest will be
 * sent again.
 */
export function rewind(session: Speaker, seq: number, beside: number): void {
  acknowledge(session, seq);
  const { kept } = session;
  if (kept === undefined) return;
  const { messages } = kept;
  let number = kept.beside - messages.reduce((sum, { last }) => sum + (last > 0 ? 0 : 1), 0);
  let arrived = 0;
  for (; arrived < messages.length && messages[arrived].last === 0 && number < beside; arrived++) {
    number++;
    weigh(session, -messages[arrived].bytes.length);
  }
  messages.splice(0, arrived);
  const [first] = messages;
  if (first !== undefined && first.last > 0) {
    messages[0] = encoded(part(decodeSaid(first.bytes), seq + 1, Number.POSITIVE_INFINITY)!);
    weigh(session, messages[0].bytes.length - first.bytes.length);
  }
  kept.sent = 0;
}

/** Sends the kept answers to frames that have come again, as far as they were sent before. */
export function answerAgain({ kept, outlet, number }: Speaker, firstSeq: number, lastSeq: number): void {
  for (let i = 0; i < kept!.sent && !outlet.blocked(); i++) {
    const said = kept!.messages[i];
    if (said.last < firstSeq) continue;
    const answers = part(decodeSaid(said.bytes), firstSeq, lastSeq);
    if (answers !== undefined) outlet.send({ ...answers, session: number });
    if (said.last >= lastSeq) break;
  }
}

/** Takes up what was kept of a session that was saved. */
export function takeKept(
  session: Speaker,
  messages: readonly Uint8Array<ArrayBuffer>[],
  numbers: Pick<KeptMessages, 'acked' | 'answered' | 'beside'>,
): void {
  const { kept } = session;
  if (kept === undefined) return;
  for (const bytes of messages) {
    const message = decodeSaid(bytes);
    kept.messages.push({ bytes, session: message.session, last: lastFrame(message) });
    weigh(session, bytes.length);
  }
  Object.assign(kept, numbers);
}

/** Bytes that lie in larger pieces of memory get memory of their own, so that the rest can go. */
export function settle({ kept }: Speaker): void {
  kept?.messages.forEach((said, i) => {
    kept.messages[i] = { ...said, bytes: said.bytes.slice() };
  });
}

/** Lets go of everything. */
export function drop(session: Speaker): void {
  const { kept } = session;
  if (kept === undefined) return;
  weigh(session, -kept.bytes);
  kept.sent = kept.messages.length = 0;
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
