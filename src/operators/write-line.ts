import { toArray } from 'rxjs';
import type { Point, StrokesConfig } from '../encoders/strokes.js';
import { expect, expectOptions, kindOf } from '../errors.js';
import { checkModel, type Model } from '../model/model.js';
import { type WriteOptions, write } from './write.js';

/** In units of the encoder. */
const gap = 1;
const blank = 3;
/** Milliseconds from a letter to the next. */
const pause = 100;
/** These reach below the line, with so much of their height. */
const below = new Set('gpqy');
const reach = 0.45;

/**
 * A line of text in the hand of a model: `write`, letter after letter, side by side on one base line. What the model does not know is
 * left blank. Each letter has its own seed, counted up from `seed`.
 *
 * @throws ConfigError as `write`; InputError where what the model says is not finite
 */
export function writeLine(model: Model, text: string, options: Pick<WriteOptions, 'bias' | 'seed'> = {}): Point[] {
  expectOptions(options, ['bias', 'seed']);
  checkModel(model);
  expect(typeof text === 'string', 'text', 'a string', kindOf(text));
  const { bias, seed = 0 } = options;
  const { letters = '', unit = 1 } = (model.config.encoder ?? {}) as unknown as Partial<StrokesConfig>;
  const line: Point[] = [];
  let [x, time] = [0, 0];
  for (const [i, letter] of [...text].entries()) {
    if (!letters.includes(letter)) {
      x += blank * unit;
      continue;
    }
    let points: Point[] = [];
    let failed: unknown;
    write(model, { letter, bias, seed: seed + i })
      .pipe(toArray())
      .subscribe({
        next: all => {
          points = all;
        },
        error: cause => {
          failed = cause;
        },
      });
    if (failed !== undefined) throw failed;
    let [left, right, top, bottom] = [0, 0, 0, 0];
    for (const point of points) {
      left = Math.min(left, point.x);
      right = Math.max(right, point.x);
      top = Math.min(top, point.y);
      bottom = Math.max(bottom, point.y);
    }
    const base = bottom - (below.has(letter) ? reach * (bottom - top) : 0);
    for (const point of points)
      line.push({ ...point, x: point.x - left + x, y: point.y - base, time: point.time + time });
    x += right - left + gap * unit;
    time = line[line.length - 1].time + pause;
  }
  return line;
}
