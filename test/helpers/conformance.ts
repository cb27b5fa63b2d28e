import { readFileSync } from 'node:fs';
import { CheckpointError } from '../../src/errors.js';
import type { Imported, ImportedLayer } from '../../src/interchange/imported.js';
import { stack } from '../../src/interchange/imported.js';
import { type Case, type Golden, measure, naiveStepper, tally } from './golden.js';
import { sharedPath, sharedTest } from './shared.js';
import { identity } from './weights.js';

/** A shared vector file, parsed. */
export function readVectors(path: string): unknown {
  return JSON.parse(readFileSync(sharedPath(`conformance/${path}`), 'utf8'));
}

/** Layers whose last h is the output: a readout that changes nothing. */
export function stackBare(layers: readonly ImportedLayer[]): Imported {
  const { size } = layers[layers.length - 1];
  const readout = { kind: 'values', inputs: size, size, weight: identity(size), bias: new Float32Array(size) } as const;
  return stack(layers, readout);
}

/** The case, or why it cannot be expressed, in the words of the converter that refused it. */
export function attempt(name: string, make: () => Omit<Golden, 'name'>): Case {
  try {
    return { name, ...make() };
  } catch (error) {
    if (error instanceof CheckpointError) return { name, skipped: error.message };
    throw error;
  }
}

export interface Conformance {
  readonly source: string;
  /** Files under conformance/. */
  readonly files: readonly string[];
  readonly cases: () => readonly Case[];
  /** How many must run, and be skipped for which reason: so that none can vanish unseen. */
  readonly expect: { readonly run: number; readonly skipped: Readonly<Record<string, number>> };
}

/** Declares the tests of one source of vectors. */
export function conformanceTests({ source, files, cases, expect }: Conformance): void {
  const needs = files.map(file => `conformance/${file}`);

  sharedTest(`${source} vectors are run, or skipped for a stated reason`, needs, t => {
    const { run, skipped } = tally(cases());
    t.log(`${run} run, ${Object.values(skipped).reduce((a, b) => a + b, 0)} skipped`);
    for (const [reason, count] of Object.entries(skipped)) t.log(`${count} skipped: ${reason}`);
    t.deepEqual({ run, skipped }, expect);
  });

  sharedTest(`the formulas in float64 give the ${source} vectors`, needs, t => {
    for (const golden of cases()) {
      if ('skipped' in golden) continue;
      const { error, compared } = measure(golden, naiveStepper(golden));
      t.log(`${golden.name}: ${compared} numbers, largest error ${error.toExponential(1)}`);
      t.true(compared > 0 && error <= golden.tolerance, `${golden.name}: ${error}`);
    }
  });
}
