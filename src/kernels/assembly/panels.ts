// What all that works on packed matrices shares. Their layout is described in ../kernels.ts. Byte addresses; strides in bytes.
//
// Every output element has one accumulator that runs over its terms in ascending order; the lanes of a vector are
// neighbouring outputs. So the shape of a tile is free, and no bit depends on it.

/** Columns of the next panel, where so many are left. */
// @ts-ignore: decorator
@inline
export function panelWidth(left: i32): i32 {
  return left >= 32 ? 32 : left >= 16 ? 16 : left >= 8 ? 8 : 4;
}

/** sum + x · w, rounded twice. */
// @ts-ignore: decorator
@inline
export function madd(sum: v128, x: v128, w: v128): v128 {
  return f32x4.add(sum, f32x4.mul(x, w));
}
