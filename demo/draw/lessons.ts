import { createRandom, type Encoder, type Point, type Random } from 'eddy';
import type { Lessons } from '../run/runner.js';

/** A drawing, and what it was said to be. */
export interface Taught {
  readonly name: string;
  readonly points: readonly Point[];
}

/** A drawing as the network takes it, and the class that it is. */
export interface Sequence {
  readonly inputs: readonly Float32Array[];
  readonly answer: number;
}

/** The encoder `strokes`. */
type Ink = Encoder<readonly Point[], unknown, Float32Array>;

/** How it learns what it is taught: whole drawings, and the readout alone, so that what it sees in ink stays. */
export const lessons: Lessons = {
  k1: 256,
  k2: 256,
  optimizer: { kind: 'adam', rate: 0.01, beta1: 0 },
  freeze: ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0'],
};

/** Rounds of one lesson: in each the new drawing, one of those before, and digits, lest they be forgotten. */
const rounds = 12;
const digitsEach = 6;

/** The names of the classes: those that the network came with, and those of drawings so far, each where it first came. */
export function namesOf(labels: readonly string[], shipped: number, taught: readonly Taught[]): string[] {
  const names = labels.slice(0, shipped);
  for (const { name } of taught) if (!names.includes(name)) names.push(name);
  return names;
}

/** All inputs of a drawing. */
export function encodeAll(encoder: Ink, points: readonly Point[]): Float32Array[] {
  const { inputs, state } = encoder.encode(encoder.initial(), points);
  return [...inputs, ...encoder.finish(state)];
}

/** How much larger or smaller, and how slanted, a drawing is at most in other hands. */
const [scaled, slanted] = [0.2, 0.18];

/** A little larger or smaller, narrower, slanted, turned. */
export function vary(points: readonly Point[], random: Random): Point[] {
  const about = (most: number): number => most * (2 * random.uniform() - 1);
  const [a, b, c, d] = [1 + about(scaled), about(slanted), about(slanted), 1 + about(scaled)];
  return points.map(point => ({ ...point, x: a * point.x + b * point.y, y: c * point.x + d * point.y }));
}

/**
 * What is learned of the newest of the taught drawings, in order: it, in other hands, beside drawings that were taught before, and digits
 * of long ago. The same drawings make the same lesson, so that who has all drawings can teach them again.
 *
 * @param digits sequences that the network knew when it came
 */
export function lessonOf(
  taught: readonly Taught[],
  names: readonly string[],
  digits: readonly Sequence[],
  encoder: Ink,
): Sequence[] {
  const random = createRandom(taught.length);
  const shown = ({ name, points }: Taught): Sequence => ({
    inputs: encodeAll(encoder, vary(points, random)),
    answer: names.indexOf(name),
  });
  const newest = taught[taught.length - 1];
  return Array.from({ length: rounds }, () => [
    shown(newest),
    shown(taught[random.integer(taught.length)]),
    ...(digits.length > 0 ? Array.from({ length: digitsEach }, () => digits[random.integer(digits.length)]) : []),
  ]).flat();
}

const format = 'eddy drawings 1';
/** Characters of a name: what there is room for. */
export const longestName = 12;

/** What was taught, as a file. */
export function writeTaught(taught: readonly Taught[]): string {
  return JSON.stringify({ format, taught });
}

/**
 * @param encoder of the network that is to learn it
 * @throws Error in words, where the text is no such file, or the encoder refuses a drawing of it
 */
export function readTaught(text: string, encoder: Ink): Taught[] {
  let saved: { format?: unknown; taught?: unknown } | null = null;
  try {
    saved = JSON.parse(text);
  } catch {}
  const isPoint = (point: Partial<Point> | null): boolean =>
    Number.isFinite(point?.x) &&
    Number.isFinite(point?.y) &&
    Number.isFinite(point?.time) &&
    typeof point?.up === 'boolean';
  const isTaught = (one: Partial<Taught> | null): boolean =>
    typeof one?.name === 'string' && Array.isArray(one.points) && one.points.length > 0 && one.points.every(isPoint);
  if (saved?.format !== format || !Array.isArray(saved.taught) || !saved.taught.every(isTaught))
    throw new Error('This file holds no drawings that were taught here.');
  const taught = saved.taught.map(({ name, points }) => ({
    name,
    points: points.map(({ x, y, time, up }: Point) => ({ x, y, time, up })),
  }));
  for (const { name, points } of taught) {
    if (name === '' || name.trim() !== name || name.length > longestName) {
      const told = name.length > longestName ? `${name.slice(0, longestName)}…` : name;
      throw new Error(
        `Expected the name of each drawing to be of 1 to ${longestName} characters, with no space around it, got “${told}”.`,
      );
    }
    try {
      // As it is, and as large as it may be in other hands.
      for (const size of [1, 1 + scaled + slanted])
        encoder.encode(
          encoder.initial(),
          points.map((point: Point) => ({ ...point, x: size * point.x, y: size * point.y })),
        );
    } catch (error) {
      throw new Error(`The drawing “${name}” cannot be read: ${(error as Error).message}.`);
    }
  }
  return taught;
}
