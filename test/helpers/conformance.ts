import { readFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { CheckpointError } from '../../src/errors.js';
import { type Imported, type ImportedLayer, stack } from '../../src/interchange/imported.js';
import type { Kernels } from '../../src/kernels/kernels.js';
import { createReference } from '../../src/kernels/reference.js';
import { createKernels, createSimd } from '../../src/kernels/wasm.js';
import { bits } from './bits.js';
import {
  type Case,
  type Golden,
  type Measured,
  measure,
  modelStepper,
  naiveStepper,
  type Stepper,
  tally,
} from './golden.js';
import type { Mutant } from './mutations.js';
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
  /** How many must run, how many numbers they compare, and how many are skipped for which reason: none vanishes unseen. */
  readonly expect: {
    readonly run: number;
    readonly numbers: number;
    readonly skipped: Readonly<Record<string, number>>;
  };
}

const goldensOf = (cases: readonly Case[]): Golden[] => cases.filter((each): each is Golden => !('skipped' in each));

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** Asserts that each golden is met, and logs how closely. */
function meets(t: ExecutionContext, goldens: readonly Golden[], stepper: (golden: Golden) => Stepper): Measured[] {
  return goldens.map(golden => {
    const measured = measure(golden, stepper(golden));
    t.log(`${golden.name}: ${measured.compared} numbers, largest error ${measured.error.toExponential(1)}`);
    t.true(measured.error <= golden.tolerance, `${golden.name}: ${measured.error} > ${golden.tolerance}`);
    return measured;
  });
}

/** Declares the tests of one source of vectors. */
export function conformanceTests({ source, files, cases, expect }: Conformance): void {
  const needs = files.map(file => `conformance/${file}`);

  sharedTest(`${source} vectors are run, or skipped for a stated reason`, needs, t => {
    const { run, skipped } = tally(cases());
    t.log(`${run} run, ${sum(Object.values(skipped))} skipped`);
    for (const [reason, count] of Object.entries(skipped)) t.log(`${count} skipped: ${reason}`);
    t.deepEqual({ run, skipped }, { run: expect.run, skipped: expect.skipped });
  });

  sharedTest(`the formulas in float64 give the ${source} vectors`, needs, t => {
    const measured = meets(t, goldensOf(cases()), naiveStepper);
    t.is(sum(measured.map(({ compared }) => compared)), expect.numbers);
  });

  sharedTest(
    `a model gives the ${source} vectors, alone and in a batch, on SIMD and on the reference`,
    needs,
    async t => {
      const goldens = goldensOf(cases());
      const simd = await createSimd();
      t.truthy(simd, 'SIMD does not run here');
      const measured = meets(t, goldens, golden => modelStepper(golden, simd!, 'step'));
      t.is(sum(measured.map(({ compared }) => compared)), expect.numbers);
      goldens.forEach((golden, i) => {
        const bitsOf = (kernels: Kernels, by: 'step' | 'stepMany') =>
          measure(golden, modelStepper(golden, kernels, by)).outputs.map(bits);
        const expected = measured[i].outputs.map(bits);
        t.deepEqual(bitsOf(simd!, 'stepMany'), expected, `${golden.name}, in a batch`);
        t.deepEqual(bitsOf(createReference('float32'), 'stepMany'), expected, `${golden.name}, on the reference`);
      });
    },
  );
}

/** Asserts that a model with any of these mistakes is seen: an error a hundred times the tolerance or more. */
export async function failsWith(t: ExecutionContext, mutants: readonly Mutant[]): Promise<void> {
  const kernels = await createKernels();
  const seen = mutants.map(({ mistake, golden }) => {
    const { error } = measure(golden, modelStepper(golden, kernels, 'stepMany'));
    t.true(error > 100 * golden.tolerance, `${mistake} was not seen: error ${error}`);
    return { mistake, error };
  });
  const [least] = seen.sort((a, b) => a.error - b.error);
  t.log(`${seen.length} mistakes, all seen; the smallest error is ${least.error.toExponential(1)}: ${least.mistake}`);
}
