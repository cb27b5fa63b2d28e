/** A number as a line shows it: no more digits than a float32 has, and JSON's null where it is none. */
export function brief(value: number): number | null {
  if (!Number.isFinite(value)) return null;
  return Number(value.toPrecision(7));
}

/** The shortest decimal that is this float32 again when it is read. */
export function exact(value: number): number | null {
  if (!Number.isFinite(value)) return null;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}
