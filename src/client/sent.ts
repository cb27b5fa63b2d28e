/** What was sent and has no answer yet: kept, so that it can be sent again. */
import { type Frames, frameCount, type Payload, type Reset, type Restore, type Targets } from '../wire/messages.js';

/** What moves the stream. */
export type Moving = Frames | Targets | Reset | Restore;

export interface Sent {
  add(message: Moving): void;
  /** Frames up to this one have their answers. */
  answered(seq: number): void;
  /** What the server has not got: frames from `nextSeq` on, and other messages after the first `taken`. */
  missing(nextSeq: number, taken: number): Moving[];
  /**
   * False of a fault of a gap that follows one for which the same was sent again: others follow it, of frames that had been sent by then, in
   * their order. If each had its own answer, there would be ever more.
   *
   * @param expected the frame that was due
   * @param seq the one that came
   */
  isNewGap(expected?: number, seq?: number): boolean;
  /** Messages that are no frames, so far, and those of them that came before frame `seq`. */
  moving(): number;
  movingBefore(seq: number): number;
  /** Targets, resets and states that are kept. */
  waiting(): number;
}

/** @param before messages that are no frames and were sent in an earlier life of the client */
export function createSent(before = 0): Sent {
  /** `nth` counts the messages that are no frames. */
  let messages: { message: Moving; nth: number }[] = [];
  let moving = before;
  let waiting = 0;
  /** The last frame that has its answer. */
  let answered = 0;
  /** Of the newest fault. */
  let gap = { expected: 0, seq: 0 };
  return {
    moving: () => moving,
    waiting: () => waiting,
    add(message) {
      if (message.type !== 'frames') {
        moving++;
        waiting += itemsOf(message);
      }
      messages.push({ message, nth: moving });
    },
    answered(seq) {
      if (seq === answered) return;
      answered = seq;
      let gone = 0;
      for (let i = 0; i < messages.length; i++) {
        const { message } = messages[i];
        if (message.type !== 'frames') continue;
        if (lastOf(message) > seq) break;
        gone = i + 1;
      }
      if (gone === 0) return;
      for (let i = 0; i < gone; i++) waiting -= itemsOf(messages[i].message);
      messages = messages.slice(gone);
    },
    missing(nextSeq, taken) {
      const again: Moving[] = [];
      for (const { message, nth } of messages) {
        if (message.type !== 'frames') {
          if (nth > taken) again.push(message);
        } else if (lastOf(message) >= nextSeq) {
          again.push(framesFrom(message, nextSeq));
        }
      }
      return again;
    },
    isNewGap(expected = 0, seq = 0) {
      const isNew = expected !== gap.expected || seq <= gap.seq;
      gap = { expected, seq };
      return isNew;
    },
    movingBefore(seq) {
      let count = moving;
      for (let i = messages.length - 1; i >= 0; i--) {
        const { message, nth } = messages[i];
        if (message.type === 'frames' && message.firstSeq < seq) break;
        if (message.type !== 'frames') count = nth - 1;
      }
      return count;
    },
  };
}

/** Those of a message that are no frames. */
function itemsOf(message: Moving): number {
  if (message.type === 'frames') return 0;
  return message.type === 'targets' ? message.targets.length : 1;
}

function lastOf({ firstSeq, payload }: Frames): number {
  return firstSeq + frameCount(payload) - 1;
}

/** The frames of a message from that number on. */
export function framesFrom(message: Frames, seq: number): Frames {
  if (seq <= message.firstSeq) return message;
  const from = seq - message.firstSeq;
  const { payload, targets } = message;
  const rest = targets && {
    ...targets,
    targets: targets.targets.slice(from),
    ...(targets.weights && { weights: targets.weights.slice(from) }),
    ...(targets.forStep === undefined ? {} : { forStep: targets.forStep + from }),
  };
  return { ...message, firstSeq: seq, payload: payloadFrom(payload, from), ...(rest ? { targets: rest } : {}) };
}

function payloadFrom(payload: Payload, from: number): Payload {
  switch (payload.kind) {
    case 'tokens':
      return { ...payload, ids: payload.ids.slice(from) };
    case 'features': {
      const width = payload.values.length / payload.rows;
      return { kind: 'features', rows: payload.rows - from, values: payload.values.slice(from * width) };
    }
    default:
      return { ...payload, chunks: payload.chunks.slice(from) } as Payload;
  }
}
