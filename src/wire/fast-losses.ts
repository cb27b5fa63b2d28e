import {
  isUnsigned,
  type Page,
  putHead,
  putUnsigned,
  sizeOfPart,
  sizeOfUnsigned,
  uint32,
  uint64,
  writeMessage,
} from './fast-writer.js';
import type { Losses, StepLoss } from './server-messages.js';

export function areSendable(losses: readonly StepLoss[]): boolean {
  return losses.every(isSendable);
}

function isSendable({ step }: StepLoss): boolean {
  return isUnsigned(step, uint64);
}

/** Bytes of a repeated field of losses. */
export function sizeOfLosses(losses: readonly StepLoss[]): number {
  let size = 0;
  for (let i = 0; i < losses.length; i++) size += sizeOfPart(sizeOfLoss(losses[i]));
  return size;
}

/** A double that is +0 is left out. */
function sizeOfLoss({ step, loss }: StepLoss): number {
  return sizeOfUnsigned(step) + (Object.is(loss, 0) ? 0 : 9);
}

/** A repeated field of losses, from a place; returns where it ends. */
export function putLosses({ bytes, view }: Page, at: number, tag: number, losses: readonly StepLoss[]): number {
  for (let i = 0; i < losses.length; i++) {
    const { step, loss } = losses[i];
    at = putHead(bytes, at, tag, sizeOfLoss(losses[i]));
    at = putUnsigned(bytes, at, 0x08, step);
    if (Object.is(loss, 0)) continue;
    bytes[at] = 0x11;
    view.setFloat64(at + 1, loss, true);
    at += 9;
  }
  return at;
}

/** Losses as the generated module would write them; undefined if a number in them cannot be sent. */
export function encodeLosses({ session, losses }: Losses): Uint8Array<ArrayBuffer> | undefined {
  if (!isUnsigned(session, uint32) || !areSendable(losses)) return undefined;
  const length = sizeOfLosses(losses);
  return writeMessage(sizeOfUnsigned(session) + sizeOfPart(length), (page, start) => {
    let at = putUnsigned(page.bytes, start, 0x08, session);
    at = putHead(page.bytes, at, 0x5a, length);
    putLosses(page, at, 0x0a, losses);
  });
}
