import { splitSequences } from '../training/fit.js';
import type { Raw } from './sequences.js';

export interface Parts {
  readonly training: readonly Raw[];
  readonly validation: readonly Raw[];
  /** Of one sequence: its last steps, which are held out; 0 where none could be. */
  readonly steps?: number;
}

/**
 * A share of the sequences to judge by, drawn by the seed. Of one sequence it is the share of its steps that come last: they are judged with
 * the carry of all that comes before them, whose targets are left out.
 */
export function holdOut(raws: readonly Raw[], share: number, seed: number): Parts {
  if (raws.length !== 1 || share === 0) return splitSequences(raws, share, seed);
  const [raw] = raws;
  const { inputs, targets, sound } = raw;
  const steps = Math.max(1, Math.round(share * inputs.length));
  const at = inputs.length - steps;
  const said = (some: readonly unknown[]): boolean => some.some(target => target !== null);
  if (sound || at < 1 || !said(targets.slice(0, at)) || !said(targets.slice(at)))
    return { training: raws, validation: [], steps: 0 };
  return {
    training: [{ ...raw, inputs: inputs.slice(0, at), targets: targets.slice(0, at) }],
    validation: [{ ...raw, targets: targets.map((target, t) => (t < at ? null : target)) }],
    steps,
  };
}
