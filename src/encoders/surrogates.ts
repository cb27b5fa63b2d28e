import { CheckpointError } from '../errors.js';

/** The first half of a surrogate pair whose second half has not come; '' for none. */
export interface TextState {
  readonly pending: string;
}

export const noText: TextState = { pending: '' };

/** The text up to its last whole character, and the half of one that may follow. */
export function joinText({ pending }: TextState, chunk: string): { text: string; state: TextState } {
  const text = pending + chunk;
  const last = text.charCodeAt(text.length - 1);
  const half = last >= 0xd800 && last <= 0xdbff;
  return half ? { text: text.slice(0, -1), state: { pending: text.slice(-1) } } : { text, state: noText };
}

/** @throws CheckpointError */
export function restoreText(saved: unknown): TextState {
  const pending = (saved as TextState | null)?.pending;
  if (typeof pending !== 'string' || !/^[\ud800-\udbff]?$/.test(pending))
    throw new CheckpointError('Expected the state of a text encoder to be { pending }, half a character or none');
  return { pending };
}
