import { CheckpointError, ConfigError, expect, InputError } from '../errors.js';
import type { Encoder } from './encoder.js';
import { expectSettings } from './settings.js';
import { shown } from './shown.js';
import { isWithin } from './statistics.js';

/** One moment of a pen that is down: y grows downward, as on a screen. */
export interface Point {
  readonly x: number;
  readonly y: number;
  /** Milliseconds. */
  readonly time: number;
  /** 0 to 1; left out where the pen does not say it. */
  readonly pressure?: number;
  /** The pen leaves the surface after this point. */
  readonly up: boolean;
}

export type StrokesConfig = {
  readonly kind: 'strokes';
  /** What is equal between two inputs of a stroke: the way along the ink, or the time. Default `length`. */
  readonly by?: 'length' | 'time';
  /** How much of it: in units, or in milliseconds. */
  readonly spacing: number;
  /** The length, in that of the points, that offsets are measured in. */
  readonly unit: number;
  /** `fixed`: the unit stays; `running`: it is the larger side of the ink so far, and never below `unit`. Default `fixed`. */
  readonly scale?: 'fixed' | 'running';
  /** One more feature: how hard the pen is pressed, ½ where it does not say. */
  readonly pressure?: boolean;
  /** One more feature: seconds since the input before, at most 1. */
  readonly time?: boolean;
  /** A feature each, for who tells the network what is to be written: of ink that comes, nobody knows it, and they are 0. */
  readonly letters?: string;
};

/** Where the pen is, and where the newest input was made. Plain data. */
export interface StrokesState {
  readonly x: number;
  readonly y: number;
  readonly time: number;
  readonly pressure: number;
  /** No stroke is open. */
  readonly up: boolean;
  /** No point has come yet. */
  readonly blank: boolean;
  /** The newest input's place. */
  readonly atX: number;
  readonly atY: number;
  readonly atTime: number;
  /** Since then, along the stroke: in the length of the points, or in milliseconds. */
  readonly since: number;
  /** The ink so far. */
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Inputs between two points, at most: a leap beyond it is no stroke. */
const mostBetween = 1024;
/** In spacings: a pen that rests longer has rested as long as this. */
const longestRest = 64;
const farthest = 1e9;
const latest = 1e15;

const blank: StrokesState = {
  x: 0,
  y: 0,
  time: 0,
  pressure: 0,
  up: true,
  blank: true,
  atX: 0,
  atY: 0,
  atTime: 0,
  since: 0,
  left: 0,
  right: 0,
  top: 0,
  bottom: 0,
};
const fields = Object.keys(blank) as (keyof StrokesState)[];

const place = [-farthest, farthest] as const;
/** Of inputs between two points, somewhat more: rounding may go past the points. */
const placeBetween = [-2 * farthest, 2 * farthest] as const;
/** From where to where the numbers of a state may be. */
const ranges: Readonly<Partial<Record<keyof StrokesState, readonly [number, number]>>> = {
  x: place,
  y: place,
  time: [-latest, latest],
  pressure: [0, 1],
  atX: placeBetween,
  atY: placeBetween,
  atTime: [-2 * latest, 2 * latest],
  // Less than the largest spacing, in the largest unit.
  since: [0, 1e3 * 2 * farthest],
  left: place,
  right: place,
  top: place,
  bottom: place,
};

/**
 * Pen points to offsets (Graves 2013, section 4): (Δx, Δy, end), in units, from one input to the next, and whether the pen leaves after it;
 * then the pressure, the time and the letters, where they are asked for.
 *
 * The first and the last point of each stroke are inputs; between them the ink is taken at equal distances, on the straight lines
 * from point to point, whatever the rate of the pen. The offset to the first point of a stroke is the way through the air (of the first
 * stroke: none). Nothing depends on points that have not come: `running` measures the ink so far. A time before the last one counts as
 * no time; coordinates and pressure are taken as float32.
 *
 * @throws ConfigError naming the setting that is wrong
 */
export function createStrokes(config: StrokesConfig): Encoder<readonly Point[], StrokesState, Float32Array> {
  expect(typeof config === 'object' && config !== null, 'encoder', 'an object', config);
  const checked = checkConfig(config);
  const { by, spacing, unit, scale, pressure: pressed, time: timed } = checked;
  const own = 3 + (pressed ? 1 : 0) + (timed ? 1 : 0);
  const size = own + [...checked.letters].length;

  /** What is equal between two inputs. */
  const betweenIn = (state: StrokesState): number => (by === 'length' ? spacing * unitOf(state) : spacing);

  const unitOf = ({ left, right, top, bottom }: StrokesState): number =>
    scale === 'fixed' ? unit : Math.max(unit, right - left, bottom - top);

  const inputAt = (
    state: StrokesState,
    x: number,
    y: number,
    time: number,
    pressure: number,
    up: boolean,
  ): Float32Array => {
    const length = unitOf(state);
    const input = new Float32Array(size);
    input[0] = (x - state.atX) / length;
    input[1] = (y - state.atY) / length;
    input[2] = up ? 1 : 0;
    if (pressed) input[3] = pressure;
    if (timed) input[own - 1] = Math.min(Math.max(time - state.atTime, 0) / 1000, 1);
    return input;
  };

  /** The inputs that one point completes are added; returns the state after it. */
  const take = (before: StrokesState, point: Point, inputs: Float32Array[]): StrokesState => {
    const { time, up } = point;
    const [x, y, pressure] = [kept(point.x), kept(point.y), kept(point.pressure ?? 0.5)];
    const first = before.blank;
    const pen = { x, y, time, pressure, up, blank: false };
    let state: StrokesState = {
      ...before,
      left: first ? x : Math.min(before.left, x),
      right: first ? x : Math.max(before.right, x),
      top: first ? y : Math.min(before.top, y),
      bottom: first ? y : Math.max(before.bottom, y),
      ...(first ? { atX: x, atY: y, atTime: time } : {}),
    };
    const put = (atX: number, atY: number, atTime: number, hard: number, end: boolean): void => {
      inputs.push(inputAt(state, atX, atY, atTime, hard, end));
      state = { ...state, atX, atY, atTime, since: 0 };
    };
    if (before.up) {
      put(x, y, time, pressure, up);
      return { ...state, ...pen };
    }
    const [dx, dy, passed] = [x - before.x, y - before.y, Math.max(time - before.time, 0)];
    const way = by === 'length' ? Math.sqrt(dx * dx + dy * dy) : Math.min(passed, longestRest * spacing);
    const between = betweenIn(state);
    const count = Math.floor((state.since + way) / between);
    if (count > mostBetween) {
      throw new InputError(
        `Expected a point of a stroke at most ${mostBetween} inputs after the one before, got one ${count} after it`,
      );
    }
    let gone = 0;
    for (let need = between - state.since; way > 0 && need <= way - gone; need = between) {
      gone += need;
      const share = gone / way;
      const hard = before.pressure + (pressure - before.pressure) * share;
      put(before.x + dx * share, before.y + dy * share, before.time + passed * share, hard, false);
    }
    state = { ...state, since: state.since + (way - gone) };
    if (up) put(x, y, time, pressure, true);
    return { ...state, ...pen };
  };

  return {
    config: checked,
    input: { kind: 'features', size },
    initial: () => blank,

    encode(before, raw) {
      if (!Array.isArray(raw))
        throw new InputError(`Expected a list of points, got ${raw === null ? 'null' : typeof raw}`);
      const inputs: Float32Array[] = [];
      let state = before;
      for (const point of raw as readonly Point[]) {
        checkPoint(point);
        state = take(state, point, inputs);
      }
      return { state, inputs };
    },

    /** A stroke that was not ended ends where the pen is. */
    finish: state => (state.up ? [] : [inputAt(state, state.x, state.y, state.time, state.pressure, true)]),

    restore(saved) {
      const found = saved as StrokesState | null;
      const fits = fields.every(name => {
        const range = ranges[name];
        return range ? isWithin(found?.[name], ...range) : typeof found?.[name] === 'boolean';
      });
      if (!fits || found!.since > betweenIn(found!))
        throw new CheckpointError(
          `Expected the state of strokes to have ${fields.join(', ')}, within the bounds of points`,
        );
      return Object.fromEntries(fields.map(name => [name, found![name]])) as unknown as StrokesState;
    },
  };
}

/** As float32, which is what goes over the wire; −0, which does not come back from JSON, is +0. */
function kept(value: number): number {
  return Math.fround(value) + 0;
}

/** @throws InputError */
function checkPoint(point: Point): void {
  const number = (name: 'x' | 'y' | 'time' | 'pressure', least: number, most: number, wanted: string): void => {
    const value = point?.[name];
    if (!isWithin(value, least, most))
      throw new InputError(`Expected ${name} of a point to be ${wanted}, got ${String(value)}`);
  };
  number('x', -farthest, farthest, 'a number up to ±1e9');
  number('y', -farthest, farthest, 'a number up to ±1e9');
  number('time', -latest, latest, 'milliseconds, up to ±1e15');
  if (point.pressure !== undefined) number('pressure', 0, 1, 'from 0 to 1');
  if (typeof point.up !== 'boolean')
    throw new InputError(`Expected up of a point to be true or false, got ${String(point.up)}`);
}

const settings = [
  'kind',
  'by',
  'spacing',
  'unit',
  'scale',
  'pressure',
  'time',
  'letters',
] satisfies (keyof StrokesConfig)[];

function checkConfig(config: StrokesConfig): Required<StrokesConfig> {
  expectSettings(config, settings);
  const { by = 'length', spacing, unit, scale = 'fixed', pressure = false, time = false, letters = '' } = config;
  const expect = (fits: boolean, name: string, wanted: string, found: unknown): void => {
    if (!fits) throw new ConfigError(`Expected encoder.${name} to be ${wanted}, got ${shown(found)}`);
  };
  expect(by === 'length' || by === 'time', 'by', "'length' or 'time'", by);
  if (by === 'length') expect(isWithin(spacing, 1e-3, 1e3), 'spacing', 'units from 0.001 to 1000', spacing);
  else expect(isWithin(spacing, 1, 1e6), 'spacing', 'milliseconds from 1 to 1000000', spacing);
  expect(isWithin(unit, 1e-6, farthest), 'unit', 'a length from 1e-6 to 1e9', unit);
  expect(scale === 'fixed' || scale === 'running', 'scale', "'fixed' or 'running'", scale);
  expect(typeof pressure === 'boolean', 'pressure', 'true or false', pressure);
  expect(typeof time === 'boolean', 'time', 'true or false', time);
  const each = typeof letters === 'string' && new Set(letters).size === [...letters].length;
  expect(each, 'letters', 'text with each character once', letters);
  return { kind: 'strokes', by, spacing, unit, scale, pressure, time, letters };
}
