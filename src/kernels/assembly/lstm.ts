// The element-wise part of the LSTM. Byte addresses; strides in bytes; formulas in ../kernels.ts.

import { flush4, sigmoid4, tanh4 } from './functions';

// @ts-ignore: decorator
@inline
function biased(a: usize, b: usize): v128 {
  return f32x4.add(v128.load(a), v128.load(b));
}

export function lstmRows(a: usize, aStride: usize, b: usize, c0: usize, c: usize, s: usize, h: usize, stride: usize, rows: i32, n: i32): void {
  const block = <usize>n << 2;
  for (let row = 0; row < rows; row++) {
    for (let j: usize = 0; j < block; j += 16) {
      const ai = a + j;
      const af = ai + block;
      const ag = af + block;
      const ao = ag + block;
      const bi = b + j;
      const bf = bi + block;
      const bg = bf + block;
      const i = sigmoid4(biased(ai, bi));
      const f = sigmoid4(biased(af, bf));
      const g = tanh4(biased(ag, bg));
      const o = sigmoid4(biased(ao, bg + block));
      const cell = flush4(f32x4.add(f32x4.mul(f, v128.load(c0 + j)), f32x4.mul(i, g)));
      const squashed = tanh4(cell);
      v128.store(ai, i);
      v128.store(af, f);
      v128.store(ag, g);
      v128.store(ao, o);
      v128.store(c + j, cell);
      v128.store(s + j, squashed);
      v128.store(h + j, flush4(f32x4.mul(o, squashed)));
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
