/** What a character looks like, for a person. */
export interface Look {
  readonly glyph: string;
  readonly name: string;
  /** Not a character by itself. */
  readonly strange: boolean;
}

const named: Readonly<Record<string, Look>> = {
  '\t': { glyph: '⇥', name: 'tab', strange: false },
  '\n': { glyph: '↵', name: 'new line', strange: false },
  ' ': { glyph: '␣', name: 'space', strange: false },
};

/** @param character undefined for any that is not in the vocabulary */
export function lookOf(character: string | undefined): Look {
  if (character === undefined) return { glyph: '?', name: 'any other', strange: true };
  return named[character] ?? { glyph: character, name: character, strange: false };
}
