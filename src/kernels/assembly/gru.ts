// The element-wise part of the GRU. Byte addresses; strides in bytes; formulas in ../kernels.ts.

import { flush4, sigmoidOfSums, tanhOf } from './functions';

export function gruRows(a: usize, aStride: usize, b: usize, h0: usize, h: usize, stride: usize, rows: i32, n: i32): void {
  const block = <usize>n << 2;
  const one = f32x4.splat(1);
  for (let row = 0; row < rows; row++) {
    sigmoidOfSums(a + block, b, 2 * block);
    for (let j: usize = 0; j < block; j += 16) {
      const m = f32x4.add(v128.load(a + 3 * block + j), v128.load(b + 2 * block + j));
      v128.store(a + 3 * block + j, m);
      v128.store(a + j, f32x4.add(v128.load(a + j), f32x4.mul(v128.load(a + block + j), m)));
    }
    tanhOf(a, a, block);
    for (let j: usize = 0; j < block; j += 16) {
      const z = v128.load(a + 2 * block + j);
      const kept = f32x4.mul(z, v128.load(h0 + j));
      v128.store(h + j, flush4(f32x4.add(f32x4.mul(f32x4.sub(one, z), v128.load(a + j)), kept)));
    }
    a += aStride;
    h0 += stride;
    h += stride;
  }
}

export function gruBackwardRows(dh: usize, dh0: usize, a: usize, aStride: usize, h0: usize, stride: usize, d: usize, rows: i32, n: i32): void {
  const block = <usize>n << 2;
  const one = f32x4.splat(1);
  for (let row = 0; row < rows; row++) {
    for (let j: usize = 0; j < block; j += 16) {
      const x = v128.load(a + j);
      const r = v128.load(a + block + j);
      const z = v128.load(a + 2 * block + j);
      const m = v128.load(a + 3 * block + j);
      const dhj = v128.load(dh + j);
      const keep = f32x4.sub(one, z);
      const dx = f32x4.mul(f32x4.mul(dhj, keep), f32x4.sub(one, f32x4.mul(x, x)));
      v128.store(d + j, flush4(dx));
      v128.store(d + block + j, flush4(f32x4.mul(f32x4.mul(dx, m), f32x4.mul(r, f32x4.sub(one, r)))));
      const dz = f32x4.mul(f32x4.mul(dhj, f32x4.sub(v128.load(h0 + j), x)), f32x4.mul(z, keep));
      v128.store(d + 2 * block + j, flush4(dz));
      v128.store(d + 3 * block + j, flush4(f32x4.mul(dx, r)));
      v128.store(dh0 + j, f32x4.add(v128.load(dh0 + j), f32x4.mul(dhj, z)));
    }
    dh += stride;
    dh0 += stride;
    a += aStride;
    h0 += stride;
    d += aStride;
  }
}
