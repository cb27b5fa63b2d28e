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
import type { Losses } from './server-messages.js';

/** Losses as the generated module would write them; undefined if a number in them cannot be sent. */
export function encodeLosses({ session, losses }: Losses): Uint8Array<ArrayBuffer> | undefined {
  if (!isUnsigned(session, uint32) || !losses.every(({ step }) => isUnsigned(step, uint64))) {
    return undefined;
  }
  // Two tags with a length or number each, and a double; the same around them.
  startMessage(32 * (losses.length + 1));
  const end = position();
  for (let i = losses.length - 1; i >= 0; i--) {
    const lossEnd = position();
    const { loss } = losses[i];
    // A field that is +0 is left out.
    if (!Object.is(loss, 0)) {
      putDouble(loss);
      putByte(0x11);
    }
    putUnsigned(0x08, losses[i].step);
    putLength(0x0a, lossEnd);
  }
  putLength(0x5a, end);
  putUnsigned(0x08, session);
  return takeMessage();
}
