// What the trainings of ink have in common: the data, and how ink is varied while it is learned.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const {
  createModel,
  createRandom,
  createStrokes,
  createTrainer,
  evaluate,
  fit,
  fromUnipen,
  loadModel,
  saveModel,
  sampleOffset,
} = await import(join(root, 'dist/src/index.js'));

const data = path => readFileSync(join(process.env.EDDY_SHARED ?? join(root, '..', 'shared', 'data'), path), 'utf8');
export const here = name => join(root, 'demo', 'models', name);

/** Writers of the digits that are never learned from: every fifth one, chosen before anything was trained. */
export const heldOut = [5, 10, 15, 20, 25, 30];

/** Digits as they were drawn, each with its writer. */
export function readDigits() {
  const inks = fromUnipen(data('handwriting/pendigits-orig/pendigits-orig.tra'), { include: () => '' });
  return inks.map(({ label, note, points }) => ({ label, writer: Number(note.split(/\s+/)[1]), points }));
}

/** Letters in one stroke each: velocities, 200 a second, added up; y there grows upward. */
export function readLetters(part) {
  const lines = data(`handwriting/character-trajectories/${part}.ndjson`).trim().split('\n');
  return lines.map(line => {
    const { label, x: rows } = JSON.parse(line);
    const still = row => row.every(value => value === 0);
    const first = rows.findIndex(row => !still(row));
    const last = rows.findLastIndex(row => !still(row));
    let [x, y] = [0, 0];
    const points = [{ x, y, time: 0, up: false }];
    rows.slice(first, last + 1).forEach(([vx, vy], i) => {
      x += vx;
      y -= vy;
      points.push({ x, y, time: 5 * (i + 1), up: first + i === last });
    });
    return { label, points };
  });
}

/**
 * The same ink as another hand might have drawn it: larger or smaller, narrower, slanted, turned, bent a little; and now and then
 * begun late.
 */
export function vary(
  points,
  random,
  { size = 1.4, aspect = 0.2, slant = 0.35, turn = 0.2, bend = 0.12, late = 0.2 } = {},
) {
  const about = most => most * (2 * random.uniform() - 1);
  const [xs, ys] = [points.map(point => point.x), points.map(point => point.y)];
  const side = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)) || 1;
  const [cx, cy] = [(Math.max(...xs) + Math.min(...xs)) / 2, (Math.max(...ys) + Math.min(...ys)) / 2];
  const scale = side * size ** about(1);
  const wide = 2 ** about(aspect);
  const [lean, angle] = [about(slant), about(turn)];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const bends = Array.from({ length: 6 }, () => about(bend));
  const moved = points.map(point => {
    const [u, v] = [(point.x - cx) / side, (point.y - cy) / side];
    const a = u + bends[0] * u * u + bends[1] * u * v + bends[2] * v * v;
    const b = v + bends[3] * u * u + bends[4] * u * v + bends[5] * v * v;
    const [c, d] = [wide * (a + lean * b), b / wide];
    return { ...point, x: scale * (cos * c - sin * d), y: scale * (sin * c + cos * d) };
  });
  const skipped = random.uniform() < late ? Math.floor(0.12 * random.uniform() * moved.length) : 0;
  return moved.slice(moved[skipped].up ? 0 : skipped);
}

/** All inputs of a drawing. */
export function encodeAll(encoder, points) {
  const { inputs, state } = encoder.encode(encoder.initial(), points);
  return [...inputs, ...encoder.finish(state)];
}

/** The answer at every fourth input, and at the last. */
export function asked(inputs, answer) {
  return inputs.map((_, i) => (i === inputs.length - 1 || (i > 4 && i % 4 === 0) ? answer : null));
}

/** How often the answer is right when the pen is up for the last time, and when half of the points have come. */
export function judge(model, encoder, inks, answerOf) {
  const trainer = createTrainer(model);
  const share = part => {
    const sequences = inks.map(ink => {
      const { inputs } = encoder.encode(encoder.initial(), ink.points.slice(0, Math.ceil(part * ink.points.length)));
      return { inputs, targets: inputs.map((_, i) => (i === inputs.length - 1 ? answerOf(ink) : null)) };
    });
    return evaluate(trainer, sequences).accuracy;
  };
  return { whole: share(1), half: share(0.5) };
}
