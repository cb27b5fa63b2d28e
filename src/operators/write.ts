import { concat, defer, map, type Observable, of, takeWhile } from 'rxjs';
import { createStrokes, type Point, type StrokesConfig } from '../encoders/strokes.js';
import { ConfigError, expectOptions } from '../errors.js';
import { checkModel, type Model } from '../model/model.js';
import { checkBias, sampleOffset } from '../model/sample-offset.js';
import { createRandom } from '../random.js';
import { rollout } from './rollout.js';

export interface WriteOptions {
  /** What to write: one of the letters of the model's encoder. Without it, whatever it likes. */
  readonly letter?: string;
  /** Ink to go on from. */
  readonly begin?: readonly Point[];
  /** The larger, the neater, up to 20. Default 0: as it was learned. */
  readonly bias?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Points at most, after what it begins with. Default 400. */
  readonly most?: number;
}

/** In units: a dot so near to where the pen has left says that all is written. */
const near = 0.5;

/**
 * One-to-many: ink out of nothing, or out of a letter, or out of the beginning of a drawing, point by point.
 *
 * It's like `rollout`, with what is drawn from each step as the next input. A model of strokes learns that a drawing is over as a dot
 * where the pen has just left: there this completes. Without `begin` the first point is at (0, 0); y grows downward.
 *
 * @param model whose encoder is `strokes`, of a fixed scale and neither pressure nor time, and whose output is a mixture
 * @throws ConfigError, at once, if the model is another one or does not know the letter, or an option is wrong
 *
 * @example
 * write(model, { letter: 'a', bias: 1, seed: 3 }).subscribe(({ x, y, up }) => ...)
 */
export function write(model: Model, options: WriteOptions = {}): Observable<Point> {
  expectOptions(options, ['letter', 'begin', 'bias', 'seed', 'most']);
  const { letter, begin = [], bias = 0, seed = 0, most = 400 } = options;
  checkModel(model);
  const { encoder: config, output } = model.config;
  if (config?.kind !== 'strokes' || output.kind !== 'mixture')
    throw new ConfigError(
      `Expected a model of strokes with a mixture, got ${config?.kind ?? 'no encoder'}, ${output.kind}`,
    );
  checkBias(bias);
  createRandom(seed);
  if (!Number.isInteger(most) || most < 0) throw new ConfigError(`Expected most to be an integer from 0, got ${most}`);
  const encoder = createStrokes(config as unknown as StrokesConfig);
  const { letters, unit, by, spacing, scale, pressure, time } = encoder.config as Required<StrokesConfig>;
  if (scale !== 'fixed' || pressure || time)
    throw new ConfigError('Expected a model of strokes of a fixed scale, with neither pressure nor time');
  const known = [...letters];
  const place = letter === undefined ? -1 : known.indexOf(letter);
  if (letter !== undefined && place < 0)
    throw new ConfigError(`Expected letter to be one of ${letters || 'none: this model knows none'}, got ${letter}`);

  const inputOf = (offset: ArrayLike<number>): Float32Array => {
    const input = new Float32Array(3 + known.length);
    for (let i = 0; i < 3; i++) input[i] = offset[i];
    if (place >= 0) input[3 + place] = 1;
    return input;
  };
  const last = begin.at(-1) ?? { x: 0, y: 0, time: 0, up: false };
  const read = begin.length > 0 ? encoder.encode(encoder.initial(), begin).inputs.map(inputOf) : [inputOf([0, 0, 0])];
  const pause = by === 'time' ? spacing : usualPause;

  return defer(() => {
    const random = createRandom(seed);
    let carry = model.zeroCarry();
    for (const input of read.slice(0, -1)) carry = model.step(carry, input).carry;
    let offset: Float32Array;
    let pen = last;
    const points = rollout<Float32Array>(model as Model<Float32Array>, {
      input: read[read.length - 1],
      carry,
      steps: most,
      feed: () => inputOf(offset),
    }).pipe(
      map(({ logits }) => {
        offset = sampleOffset(logits, { bias }, random);
        const [dx, dy, end] = offset;
        const over = pen.up && end === 1 && dx * dx + dy * dy < near * near;
        pen = { x: pen.x + dx * unit, y: pen.y + dy * unit, time: pen.time + pause, up: end === 1 };
        return { pen, over };
      }),
      takeWhile(({ over }) => !over),
      map(({ pen: point }) => point),
    );
    return begin.length > 0 ? points : concat(of(last), points);
  });
}

/** Milliseconds from point to point, where the model has equal lengths instead. */
const usualPause = 10;
