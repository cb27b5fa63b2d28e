/**
 * Puts the gates of a weight or bias array into another order, each gate a block of equal size.
 *
 * @param values row-major, gates along the rows: (gates · H, columns) or (gates · H)
 * @param from the order they are in, a letter a gate: `'zrn'`
 * @param to the order they shall have, the same letters: `'rzn'`
 */
export function reorderGates(values: Float32Array, from: string, to: string): Float32Array<ArrayBuffer> {
  const block = values.length / from.length;
  const result = new Float32Array(values.length);
  for (let i = 0; i < to.length; i++) {
    const at = from.indexOf(to[i]);
    result.set(values.subarray(at * block, (at + 1) * block), i * block);
  }
  return result;
}

/** The transpose of a row-major (rows, columns) matrix. */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column];
  }
  return result;
}
