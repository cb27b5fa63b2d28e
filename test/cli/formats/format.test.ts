import test from 'ava';
import { numberOf } from '../../../src/cli/formats/format.js';

test('a cell says a number as decimals are written, or none', t => {
  for (const [cell, value] of [
    ['1', 1],
    [' -1. ', -1],
    ['+.5', 0.5],
    ['2.50e-1', 0.25],
    ['.', undefined],
    ['1.2.3', undefined],
    ['0x10', undefined],
    ['1e999', undefined],
  ] as const)
    t.is(numberOf(cell), value, cell);
});

test('a cell of many digits takes no longer than its length', t => {
  const began = performance.now();
  t.is(numberOf(`${'1'.repeat(100_000)}x`), undefined);
  t.is(numberOf(`${'1'.repeat(100_000)}.${'1'.repeat(100_000)}x`), undefined);
  t.true(performance.now() - began < 2000);
});
