// The element-wise part of the Elman cells. Byte addresses; strides in bytes; formulas in ../kernels.ts.

import { flush4, flushedTanhOfSums } from './functions';

export function elmanTanhRows(a: usize, aStride: usize, b: usize, h: usize, hStride: usize, rows: i32, n: i32): void {
  for (let row = 0; row < rows; row++) {
    flushedTanhOfSums(a, b, h, <usize>n << 2);
    a += aStride;
    h += hStride;
  }
}

export function elmanTanhBackwardRows(dh: usize, dhStride: usize, h: usize, hStride: usize, d: usize, dStride: usize, rows: i32, n: i32): void {
  const one = f32x4.splat(1);
  for (let row = 0; row < rows; row++) {
    for (let i: usize = 0; i < <usize>n << 2; i += 16) {
      const value = v128.load(h + i);
      const slope = f32x4.sub(one, f32x4.mul(value, value));
      v128.store(d + i, flush4(f32x4.mul(v128.load(dh + i), slope)));
    }
    dh += dhStride;
    h += hStride;
    d += dStride;
  }
}

export function elmanReluRows(a: usize, aStride: usize, b: usize, h: usize, hStride: usize, rows: i32, n: i32): void {
  const zero = f32x4.splat(0);
  for (let row = 0; row < rows; row++) {
    for (let i: usize = 0; i < <usize>n << 2; i += 16) {
      const value = f32x4.add(v128.load(a + i), v128.load(b + i));
      v128.store(h + i, flush4(v128.andnot(value, f32x4.lt(value, zero))));
    }
    a += aStride;
    h += hStride;
  }
}

export function elmanReluBackwardRows(dh: usize, dhStride: usize, h: usize, hStride: usize, d: usize, dStride: usize, rows: i32, n: i32): void {
  const zero = f32x4.splat(0);
  for (let row = 0; row < rows; row++) {
    for (let i: usize = 0; i < <usize>n << 2; i += 16) {
      v128.store(d + i, v128.and(flush4(v128.load(dh + i)), f32x4.gt(v128.load(h + i), zero)));
    }
    dh += dhStride;
    h += hStride;
    d += dStride;
  }
}
