import {
  isUnsigned,
  position,
  putByte,
  putDouble,
  putLength,
  putUnsigned,
  startMessage,
  takeMessage,
  uint32,
  uint64,
} from './fast-writer.js';
import type { Losses, StepLoss } from './server-messages.js';

/** Of one loss at most: two tags with a length or number each, and a double. */
export const bytesOfLoss = 32;

export function areSendable(losses: readonly StepLoss[]): boolean {
  return losses.every(({ step }) => isUnsigned(step, uint64));
}

/** A repeated field of losses. */
export function putLosses(tag: number, losses: readonly StepLoss[]): void {
  for (let i = losses.length - 1; i >= 0; i--) {
    const end = position();
    const { loss, step } = losses[i];
    // A field that is +0 is left out.
    if (!Object.is(loss, 0)) {
      putDouble(loss);
      putByte(0x11);
    }
    putUnsigned(0x08, step);
    putLength(tag, end);
  }
}

/** Losses as the generated module would write them; undefined if a number in them cannot be sent. */
export function encodeLosses({ session, losses }: Losses): Uint8Array<ArrayBuffer> | undefined {
  if (!isUnsigned(session, uint32) || !areSendable(losses)) {
    return undefined;
  }
  startMessage(bytesOfLoss * (losses.length + 1));
  const end = position();
  putLosses(0x0a, losses);
  putLength(0x5a, end);
  putUnsigned(0x08, session);
  return takeMessage();
}
