// The exports of the module: the functions of ../kernels.ts, with addresses and strides in elements.

import { elmanReluBackwardRows, elmanReluRows, elmanTanhBackwardRows, elmanTanhRows } from './elman';
import { gaussianBackwardRow, gaussianLossRow, gaussianRows } from './gaussian';
import { gruBackwardRows, gruRows } from './gru';
import { lstmBackwardRows, lstmRows } from './lstm';
import { addMatrixRow, addToMatrixRow, transposeMatrix } from './matrix';
import { adagradStep, adamStep, sgdStep } from './optimizer';
import { outerRows } from './outer';
import { multiplyRows } from './product';
import {
  binaryCrossEntropyRow,
  crossEntropyRow,
  differenceRow,
  huberBackwardRow,
  huberRow,
  sigmoidRows,
  softmaxRows,
  squaredErrorRow,
  sumSquaresOf,
} from './readout';
import { addTimesInto, clampTo, loadRow, setRowsTo, sumRowsInto, timesInto } from './rows';

export { applyFunction } from './functions';

/** The first byte that an arena may use. */
export function arenaBase(): usize {
  return __heap_base;
}

// @ts-ignore: decorator
@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2;
}

// prettier-ignore
export function load(from: i32, to: i32, n: i32): i32 { return loadRow(bytes(from), bytes(to), n); }
export function copy(from: i32, to: i32, n: i32): void { memory.copy(bytes(to), bytes(from), bytes(n)); }
export function clear(to: i32, n: i32): void { memory.fill(bytes(to), 0, bytes(n)); }
export function setRows(y: i32, yStride: i32, rows: i32, from: i32, n: i32): void {
  setRowsTo(bytes(y), yStride, rows, bytes(from), n);
}
export function multiply(x: i32, xStride: i32, w: i32, y: i32, yStride: i32, rows: i32, k: i32, n: i32): void {
  multiplyRows(bytes(x), bytes(xStride), bytes(w), bytes(y), bytes(yStride), rows, k, n);
}
export function addRow(w: i32, index: i32, y: i32, k: i32, n: i32): void { addMatrixRow(bytes(w), index, bytes(y), k, n); }
export function transpose(w: i32, wt: i32, k: i32, n: i32): void { transposeMatrix(bytes(w), bytes(wt), k, n); }
export function outer(x: i32, xStride: i32, d: i32, dStride: i32, w: i32, rows: i32, k: i32, n: i32): void {
  outerRows(false, bytes(x), bytes(xStride), bytes(d), bytes(dStride), bytes(w), rows, k, n);
}
export function addOuter(x: i32, xStride: i32, d: i32, dStride: i32, w: i32, rows: i32, k: i32, n: i32): void {
  outerRows(true, bytes(x), bytes(xStride), bytes(d), bytes(dStride), bytes(w), rows, k, n);
}
export function addToRow(d: i32, w: i32, index: i32, k: i32, n: i32): void { addToMatrixRow(bytes(d), bytes(w), index, k, n); }
export function sumRows(d: i32, dStride: i32, b: i32, rows: i32, n: i32): void { sumRowsInto(bytes(d), dStride, bytes(b), rows, n); }
export function clamp(a: i32, n: i32, limit: f32): i32 { return clampTo(bytes(a), n, limit); }
export function times(a: i32, b: i32, y: i32, n: i32): void { timesInto(bytes(a), bytes(b), bytes(y), n); }
export function addTimes(a: i32, b: i32, y: i32, n: i32): void { addTimesInto(bytes(a), bytes(b), bytes(y), n); }
export function sumSquares(a: i32, n: i32): f32 { return sumSquaresOf(bytes(a), n); }

export function elmanTanh(a: i32, aStride: i32, b: i32, h: i32, hStride: i32, rows: i32, n: i32): void {
  elmanTanhRows(bytes(a), bytes(aStride), bytes(b), bytes(h), bytes(hStride), rows, n);
}
export function elmanTanhBackward(dh: i32, dhStride: i32, h: i32, hStride: i32, d: i32, dStride: i32, rows: i32, n: i32): void {
  elmanTanhBackwardRows(bytes(dh), bytes(dhStride), bytes(h), bytes(hStride), bytes(d), bytes(dStride), rows, n);
}
export function elmanRelu(a: i32, aStride: i32, b: i32, h: i32, hStride: i32, rows: i32, n: i32): void {
  elmanReluRows(bytes(a), bytes(aStride), bytes(b), bytes(h), bytes(hStride), rows, n);
}
export function elmanReluBackward(dh: i32, dhStride: i32, h: i32, hStride: i32, d: i32, dStride: i32, rows: i32, n: i32): void {
  elmanReluBackwardRows(bytes(dh), bytes(dhStride), bytes(h), bytes(hStride), bytes(d), bytes(dStride), rows, n);
}
export function lstm(a: i32, aStride: i32, b: i32, c0: i32, c: i32, s: i32, h: i32, stride: i32, rows: i32, n: i32): void {
  lstmRows(bytes(a), bytes(aStride), bytes(b), bytes(c0), bytes(c), bytes(s), bytes(h), bytes(stride), rows, n);
}
export function lstmBackward(dh: i32, dc: i32, a: i32, aStride: i32, c0: i32, s: i32, stride: i32, d: i32, rows: i32, n: i32): void {
  lstmBackwardRows(bytes(dh), bytes(dc), bytes(a), bytes(aStride), bytes(c0), bytes(s), bytes(stride), bytes(d), rows, n);
}
export function gru(a: i32, aStride: i32, b: i32, h0: i32, h: i32, stride: i32, rows: i32, n: i32): void {
  gruRows(bytes(a), bytes(aStride), bytes(b), bytes(h0), bytes(h), bytes(stride), rows, n);
}
export function gruBackward(dh: i32, dh0: i32, a: i32, aStride: i32, h0: i32, stride: i32, d: i32, rows: i32, n: i32): void {
  gruBackwardRows(bytes(dh), bytes(dh0), bytes(a), bytes(aStride), bytes(h0), bytes(stride), bytes(d), rows, n);
}

export function softmax(o: i32, p: i32, stride: i32, rows: i32, n: i32): void { softmaxRows(bytes(o), bytes(p), bytes(stride), rows, n); }
export function sigmoid(o: i32, p: i32, stride: i32, rows: i32, n: i32): void { sigmoidRows(bytes(o), bytes(p), bytes(stride), rows, n); }
export function crossEntropy(o: i32, target: i32, n: i32): f32 { return crossEntropyRow(bytes(o), target, n); }
export function binaryCrossEntropy(o: i32, y: i32, n: i32): f32 { return binaryCrossEntropyRow(bytes(o), bytes(y), n); }
export function squaredError(o: i32, y: i32, n: i32): f32 { return squaredErrorRow(bytes(o), bytes(y), n); }
export function huber(o: i32, y: i32, n: i32, delta: f32): f32 { return huberRow(bytes(o), bytes(y), n, delta); }
export function huberBackward(o: i32, y: i32, d: i32, n: i32, delta: f32, scale: f32): void {
  huberBackwardRow(bytes(o), bytes(y), bytes(d), n, delta, scale);
}
export function gaussian(o: i32, p: i32, stride: i32, rows: i32, n: i32): void { gaussianRows(bytes(o), bytes(p), bytes(stride), rows, n); }
export function gaussianLoss(o: i32, y: i32, n: i32): f32 { return gaussianLossRow(bytes(o), bytes(y), n); }
export function gaussianBackward(o: i32, p: i32, y: i32, d: i32, n: i32, scale: f32): void {
  gaussianBackwardRow(bytes(o), bytes(p), bytes(y), bytes(d), n, scale);
}
export function difference(p: i32, y: i32, d: i32, n: i32, scale: f32): void { differenceRow(bytes(p), bytes(y), bytes(d), n, scale); }

export function sgd(w: i32, g: i32, m: i32, n: i32, scale: f32, rate: f32, momentum: f32): void {
  sgdStep(bytes(w), bytes(g), bytes(m), n, scale, rate, momentum);
}
export function adam(w: i32, g: i32, m: i32, v: i32, n: i32, scale: f32, rate: f32, beta1: f64, beta2: f64, root: f32, epsilon: f32, keep: f32): void {
  adamStep(bytes(w), bytes(g), bytes(m), bytes(v), n, scale, rate, beta1, beta2, root, epsilon, keep);
}
export function adagrad(w: i32, g: i32, v: i32, n: i32, scale: f32, rate: f32, epsilon: f32): void {
  adagradStep(bytes(w), bytes(g), bytes(v), n, scale, rate, epsilon);
}
