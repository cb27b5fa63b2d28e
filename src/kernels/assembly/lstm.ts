// The element-wise part of the LSTM. Byte addresses; strides in bytes; formulas in ../kernels.ts.

import { flush4, sigmoidOfSums, tanhOf, tanhOfSums } from './functions';

export function lstmRows(a: usize, aStride: usize, b: usize, c0: usize, c: usize, s: usize, h: usize, stride: usize, rows: i32, n: i32): void {
  const block = <usize>n << 2;
  for (let row = 0; row < rows; row++) {
    sigmoidOfSums(a, b, 2 * block);
    tanhOfSums(a + 2 * block, b + 2 * block, a + 2 * block, block);
    sigmoidOfSums(a + 3 * block, b + 3 * block, block);
    for (let j: usize = 0; j < block; j += 16) {
      const ig = f32x4.mul(v128.load(a + j), v128.load(a + 2 * block + j));
      v128.store(c + j, flush4(f32x4.add(f32x4.mul(v128.load(a + block + j), v128.load(c0 + j)), ig)));
    }
    tanhOf(c, s, block);
    for (let j: usize = 0; j < block; j += 16) {
      v128.store(h + j, flush4(f32x4.mul(v128.load(a + 3 * block + j), v128.load(s + j))));
    }
    a += aStride;
    c0 += stride;
    c += stride;
    s += stride;
    h += stride;
  }
}

// @ts-ignore: decorator
@inline
function slope(gate: v128, one: v128): v128 {
  return f32x4.mul(gate, f32x4.sub(one, gate));
}

export function lstmBackwardRows(dh: usize, dc: usize, a: usize, aStride: usize, c0: usize, s: usize, stride: usize, d: usize, rows: i32, n: i32): void {
  const block = <usize>n << 2;
  const one = f32x4.splat(1);
  for (let row = 0; row < rows; row++) {
    for (let j: usize = 0; j < block; j += 16) {
      const i = v128.load(a + j);
      const f = v128.load(a + block + j);
      const g = v128.load(a + 2 * block + j);
      const o = v128.load(a + 3 * block + j);
      const squashed = v128.load(s + j);
      const dhj = v128.load(dh + j);
      const through = f32x4.mul(f32x4.mul(dhj, o), f32x4.sub(one, f32x4.mul(squashed, squashed)));
      const delta = f32x4.add(v128.load(dc + j), through);
      v128.store(d + j, flush4(f32x4.mul(f32x4.mul(delta, g), slope(i, one))));
      v128.store(d + block + j, flush4(f32x4.mul(f32x4.mul(delta, v128.load(c0 + j)), slope(f, one))));
      v128.store(d + 2 * block + j, flush4(f32x4.mul(f32x4.mul(delta, i), f32x4.sub(one, f32x4.mul(g, g)))));
      v128.store(d + 3 * block + j, flush4(f32x4.mul(f32x4.mul(dhj, squashed), slope(o, one))));
      v128.store(dc + j, f32x4.mul(delta, f));
    }
    dh += stride;
    dc += stride;
    a += aStride;
    c0 += stride;
    s += stride;
    d += aStride;
  }
}
