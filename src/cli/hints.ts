import type { OutputKind } from '../model/config.js';
import { numberOf, show } from './formats/format.js';
import type { Parts } from './held-out.js';
import type { Raw, RawFile } from './sequences.js';

/** What whoever trains a network should know of what is learned. @param output that was asked for */
export function hints(file: RawFile, { training, steps }: Parts, output: OutputKind | undefined): string[] {
  const { kind, columns, leftOut } = file;
  const only = onlyTarget(training);
  const few = kind === 'rows' && output === undefined ? fewValues(training) : undefined;
  return [
    ...(leftOut ? [`the inputs are ${columns.join(', ')}`] : []),
    ...(leftOut?.length ? [`left out, as not all of their cells are numbers: ${leftOut.join(', ')}`] : []),
    ...(steps === 0
      ? ['one sequence, of which no steps can be held out to judge by: --validation takes a file of others']
      : []),
    ...(only === undefined ? [] : [`each target to learn from is ${only}: there is nothing to tell apart`]),
    ...(few === undefined ? [] : [`the targets are ${few}, and learned as values: --output classes tells them apart`]),
  ];
}

/** What each target is, where all are the same: nothing can be told apart by it. */
function onlyTarget(sequences: readonly Raw[]): string | undefined {
  let only: unknown;
  for (const { targets, unaligned } of sequences) {
    for (const target of targets) {
      if (target === null) continue;
      only ??= target;
      if (unaligned || JSON.stringify(target) !== JSON.stringify(only)) return undefined;
    }
  }
  return only === undefined ? undefined : show(only);
}

/** The targets, where they are a few whole numbers that come again and again: they may well be classes. */
function fewValues(sequences: readonly Raw[]): string | undefined {
  const seen = new Set<number>();
  let count = 0;
  for (const { targets, named } of sequences) {
    for (const target of targets) {
      if (target === null) continue;
      const value = numberOf(target);
      if (named || value === undefined || !Number.isInteger(value)) return undefined;
      seen.add(value);
      if (seen.size > mostFew) return undefined;
      count++;
    }
  }
  if (seen.size < 2 || count < againAndAgain * seen.size) return undefined;
  const values = [...seen].sort((a, b) => a - b);
  return `${values.slice(0, -1).join(', ')} and ${values.at(-1)} alone`;
}

const mostFew = 10;
/** Times that each of few values comes, on average and at least. */
const againAndAgain = 5;
