/** What a byte looks like, for a person. */
export interface Look {
  readonly glyph: string;
  readonly name: string;
  /** Not a character by itself. */
  readonly strange: boolean;
}

const named: Readonly<Record<number, Look>> = {
  9: { glyph: '⇥', name: 'tab', strange: false },
  10: { glyph: '↵', name: 'new line', strange: false },
  32: { glyph: '␣', name: 'space', strange: false },
};

export function lookOf(byte: number): Look {
  const known = named[byte];
  if (known) return known;
  if (byte > 32 && byte < 127) {
    const glyph = String.fromCharCode(byte);
    return { glyph, name: glyph, strange: false };
  }
  const hex = byte.toString(16).padStart(2, '0');
  return { glyph: hex, name: `byte ${hex}`, strange: true };
}
