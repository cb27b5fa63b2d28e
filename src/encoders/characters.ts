import { ConfigError, expectText, InputError } from '../errors.js';
import type { Encoder } from './encoder.js';
import { expectSettings } from './settings.js';
import { joinText, noText, restoreText, type TextState } from './surrogates.js';

export type CharactersConfig = {
  readonly kind: 'characters';
  /** The characters (code points) that are known, each once: the token of one is its place. What is not here is the last token. */
  readonly vocabulary: string;
};

/**
 * Text to one token a character: its place in the vocabulary, or, for an unknown one, the vocabulary's size.
 * A chunk may end in the middle of a character.
 *
 * @throws ConfigError if a character comes twice, or at a setting that there is not
 */
export function createCharacters(config: CharactersConfig): Encoder<string, TextState, number> {
  expectSettings(config, ['kind', 'vocabulary']);
  const { vocabulary } = config;
  if (typeof vocabulary !== 'string')
    throw new ConfigError(`Expected encoder.vocabulary to be a string of characters, got ${typeof vocabulary}`);
  const known = [...vocabulary];
  const tokens = new Map(known.map((character, token) => [character, token]));
  if (tokens.size !== known.length) {
    const twice = known.find((character, token) => tokens.get(character) !== token);
    throw new ConfigError(
      `Expected encoder.vocabulary to have each character once, got ${JSON.stringify(twice)} twice`,
    );
  }
  const tokenOf = (character: string): number => tokens.get(character) ?? known.length;
  return {
    config: { kind: 'characters', vocabulary } as CharactersConfig,
    input: { kind: 'token', size: known.length + 1 },
    initial: () => noText,
    encode(before, raw) {
      if (typeof raw !== 'string') throw new InputError(`Expected text, got ${typeof raw}`);
      const { text, state } = joinText(before, raw);
      return { state, inputs: Array.from(text, tokenOf) };
    },
    finish: ({ pending }) => Array.from(pending, tokenOf),
    restore: restoreText,
  };
}

/**
 * The characters of a text, each once, in the order of their code points.
 *
 * @throws InputError if it is no text
 */
export function vocabularyOf(text: string): string {
  expectText(text, 'what is to be encoded');
  return [...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!).join('');
}
