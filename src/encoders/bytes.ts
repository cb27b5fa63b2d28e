import { InputError } from '../errors.js';
import type { Encoder } from './encoder.js';
import { expectSettings } from './settings.js';
import { joinText, noText, restoreText, type TextState } from './surrogates.js';

export type BytesConfig = {
  readonly kind: 'bytes';
};

/**
 * Bytes, or text as UTF-8, to tokens from 0 to 255. A chunk of text may end in the middle of a character; half a surrogate pair
 * without its other half is U+FFFD, as for `TextEncoder`.
 */
export function createBytes(config: BytesConfig = { kind: 'bytes' }): Encoder<string | Uint8Array, TextState, number> {
  expectSettings(config, ['kind']);
  const utf8 = new TextEncoder();
  return {
    config,
    input: { kind: 'token', size: 256 },
    initial: () => noText,
    encode(before, raw) {
      if (raw instanceof Uint8Array) return { state: noText, inputs: [...utf8.encode(before.pending), ...raw] };
      if (typeof raw !== 'string') throw new InputError(`Expected text or a Uint8Array, got ${typeof raw}`);
      const { text, state } = joinText(before, raw);
      return { state, inputs: Array.from(utf8.encode(text)) };
    },
    finish: ({ pending }) => Array.from(utf8.encode(pending)),
    restore: restoreText,
  };
}
