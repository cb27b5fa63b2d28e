/** The bits of float32 numbers, all NaNs being one: equal bits are equal strings of integers. */
export function bits(values: ArrayLike<number>): Int32Array {
  const floats = Float32Array.from(values);
  for (let i = 0; i < floats.length; i++) if (Number.isNaN(floats[i])) floats[i] = Number.NaN;
  const words = new Int32Array(floats.buffer);
  // A NaN may carry any payload through Float32Array: write the canonical one.
  for (let i = 0; i < floats.length; i++) if (Number.isNaN(floats[i])) words[i] = 0x7fc00000;
  return words;
}

/** Index of the first number whose bits differ, or −1. */
export function firstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  const [x, y] = [bits(a), bits(b)];
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return i;
  return -1;
}
