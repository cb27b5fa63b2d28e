import { InputError } from '../errors.js';
import { type Activations, createActivations } from './activations.js';
import { type Carry, type CarryLayout, checkCarry } from './carry.js';
import { checkShape, notFinite } from './input.js';
import { forward, type Network } from './network.js';
import { outputWidth } from './outputs.js';
import { fewNumbers } from './slab.js';
import { loadCarry, type Step } from './transfer.js';

/** Steps that one stream is to make, one after the other. */
export interface Run {
  /** Overwritten by the one after the last step that is made. */
  carry: Carry;
  /** Rows of features, one after the other, or tokens. */
  inputs: Float32Array | readonly number[];
  /** Which row or token is the first, and how many there are. */
  from: number;
  count: number;
}

/** What came of it. */
export interface Moved {
  /** Steps that were made: all, or as many as there was room or time for, or those before an input that is refused. */
  readonly made: number;
  /** The first `made` are these steps, and older ones may stand behind them. Each has the carry after the last. */
  readonly steps: readonly Step[];
  /** What is wrong with the next input. */
  readonly refused: InputError | undefined;
  /** What is wrong with the carry, where the next input is right: no step was made. */
  readonly failed: InputError | undefined;
}

/** Numbers of inputs and outputs that one stream has room for, about: of large ones it makes fewer steps at a time. */
const mostNumbers = 4096;

interface Shown {
  readonly logits: Float32Array;
  readonly prediction: Float32Array;
  carry: Carry;
}

/** Where the inputs and outputs of one step of each stream are, and views of what it gives, by rows. */
interface Place {
  readonly rows: Activations;
  readonly shown: Shown[];
}

/**
 * Makes the function that moves many streams some steps on. What came for them is loaded first; then, step after step, those that have more
 * are a batch, whose states stay where the step before left them. The longest lie first, so that those are neighbours.
 */
export function createMoving(network: Network, layout: CarryLayout) {
  const { kernels: k, config } = network;
  const { arena } = k;
  const { parts } = layout;
  const { kind, size } = config.input;
  const outputs = outputWidth(config.output);
  const moved: { made: number; steps: Shown[]; refused: InputError | undefined; failed: InputError | undefined }[] = [];
  /** By rows: which run it is, and how many steps it makes. */
  const runs: number[] = [];
  const lengths: number[] = [];
  const block = { step: 0, previous: 0, count: 0 };
  const blocks = [block];

  let streams = 0;
  let mostSteps = 1;
  let staging = 0;
  /** By steps; they share gates and states. */
  let places: Place[] = [];
  /** Views of the states by rows, after an even number of steps and after an odd one. */
  let states: Float32Array[][][] = [[], []];
  let memory = arena.floats;

  const grow = (needed: number): void => {
    const most = Math.max(needed, 2 * streams);
    const first = createActivations(arena, config, most, most, false);
    mostSteps = Math.max(1, Math.floor(mostNumbers / (first.inputStride + 2 * first.outputStride)));
    staging = arena.reserve(Math.max(layout.size, mostSteps * size)).address;
    // Where there is no room, the places are the ones before, of as many streams.
    streams = most;
    places = [{ rows: first, shown: [] }];
    states = [[], []];
  };

  const addPlaces = (steps: number): void => {
    const first = places[0].rows;
    for (let next = places.length; next < steps; next++) {
      const reserve = (length: number): number => arena.reserve(streams * length).address;
      const logits = reserve(first.outputStride);
      const rows: Activations = {
        ...first,
        inputs: reserve(first.inputStride),
        tokens: new Int32Array(first.tokens.length),
        logits,
        predictions: first.predictions === first.logits ? logits : reserve(first.outputStride),
        layers: first.layers.map(layer => ({ ...layer, lead: next % 2 === 0 ? streams : 0 })),
      };
      places.push({ rows, shown: [] });
    }
  };

  /** Runs by rows: the longest first, those of one length in the given order. */
  const rank = (given: readonly Run[], count: number): void => {
    for (let i = 0; i < count; i++) {
      let at = i;
      for (; at > 0 && given[runs[at - 1]].count < given[i].count; at--) runs[at] = runs[at - 1];
      runs[at] = i;
    }
  };

  /** Loads the inputs of a row, up to what is wrong, and its carry, which fails only where there is a step to make. */
  const load = (row: number, run: Run, result: (typeof moved)[number]): void => {
    result.made = 0;
    result.failed = undefined;
    lengths[row] = 0;
    const most = Math.min(run.count, mostSteps);
    addPlaces(most);
    result.refused = kind === 'token' ? loadTokens(row, run, most) : loadFeatures(row, run, most);
    if (lengths[row] === 0) return;
    try {
      checkCarry(layout, run.carry);
      loadCarry(network, layout, places[0].rows, row, run.carry, staging);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      lengths[row] = 0;
      result.refused = undefined;
      result.failed = error;
    }
  };

  const loadTokens = (row: number, { inputs, from }: Run, most: number): InputError | undefined => {
    for (let time = 0; time < most; time++) {
      try {
        checkShape(config, inputs[from + time]);
      } catch (error) {
        return error as InputError;
      }
      places[time].rows.tokens[row] = inputs[from + time];
      lengths[row]++;
    }
    return undefined;
  };

  const loadFeatures = (row: number, { inputs, from }: Run, most: number): InputError | undefined => {
    const values = inputs as Float32Array;
    const start = from * size;
    const all = most * size;
    const { floats } = arena;
    if (values.length === all) floats.set(values, staging);
    else if (all <= fewNumbers) for (let i = 0; i < all; i++) floats[staging + i] = values[start + i];
    else floats.set(values.subarray(start, start + all), staging);
    for (let time = 0; time < most; time++) {
      const { inputs: to, inputStride } = places[time].rows;
      const bad = k.load(staging + time * size, to + row * inputStride, size);
      if (bad >= 0) return notFinite('input', values[start + time * size + bad], bad);
      lengths[row]++;
    }
    return undefined;
  };

  /** Where the rows of states begin that so many steps lead to. */
  const statesAfter = (steps: number): number => (steps % 2 === 0 ? 0 : streams);

  /** Those whose states are not finite end with this step: their next one will say so. */
  const endOverflown = (time: number, rows: number): void => {
    for (let p = 0; p < parts.length; p++) {
      const { layer: index, part } = parts[p];
      const layer = places[0].rows.layers[index];
      const at = (part === 'h' ? layer.h : layer.c) + statesAfter(time + 1) * layer.n;
      if (k.load(at, at, rows * layer.n) < 0) continue;
      for (let row = 0; row < rows; row++) {
        const own = at + row * layer.n;
        if (lengths[row] <= time + 1 || k.load(own, own, layer.n) < 0) continue;
        lengths[row] = time + 1;
        moved[runs[row]].refused = undefined;
      }
    }
  };

  const goOnAfter = (time: number, rows: number): boolean => {
    for (let row = 0; row < rows; row++) if (lengths[row] > time + 1) return true;
    return false;
  };

  const view = (address: number, length: number): Float32Array =>
    memory.subarray(address, address + length) as Float32Array;

  const stateOf = (made: number, row: number): Float32Array[] => {
    const rows = states[made % 2];
    rows[row] ??= parts.map(({ layer: index, part, length }) => {
      const layer = places[0].rows.layers[index];
      return view((part === 'h' ? layer.h : layer.c) + (statesAfter(made) + row) * layer.n, length);
    });
    return rows[row];
  };

  const stepOf = (time: number, row: number, carry: Carry): Shown => {
    const { rows, shown } = places[time];
    if (shown[row] === undefined) {
      const logits = view(rows.logits + row * rows.outputStride, outputs);
      const separate = rows.predictions !== rows.logits;
      const prediction = separate ? view(rows.predictions + row * rows.outputStride, outputs) : logits;
      shown[row] = { logits, prediction, carry };
    }
    shown[row].carry = carry;
    return shown[row];
  };

  /** The stream of a row has made its steps. */
  const settle = (row: number, made: number, { carry }: Run): void => {
    const result = moved[runs[row]];
    result.made = made;
    if (made < lengths[row]) result.refused = undefined;
    const state = stateOf(made, row);
    for (let p = 0; p < parts.length; p++) carry.set(state[p], parts[p].offset);
    for (let time = 0; time < made; time++) result.steps[time] = stepOf(time, row, carry);
  };

  return (given: readonly Run[], count = given.length, goOn = () => true): readonly Moved[] => {
    if (count > streams) grow(count);
    while (moved.length < count) moved.push({ made: 0, steps: [], refused: undefined, failed: undefined });
    rank(given, count);
    for (let row = 0; row < count; row++) load(row, given[runs[row]], moved[runs[row]]);
    if (memory !== arena.floats) {
      memory = arena.floats;
      states = [[], []];
      for (const { shown } of places) shown.length = 0;
    }
    let rows = count;
    for (let time = 0; ; time++) {
      while (rows > 0 && lengths[rows - 1] <= time) rows--;
      if (rows === 0) return moved;
      if (time > 0 && !goOn()) {
        for (let row = 0; row < rows; row++) if (lengths[row] > time) settle(row, time, given[runs[row]]);
        return moved;
      }
      block.previous = statesAfter(time);
      block.count = rows;
      forward(network, places[time].rows, 0, rows, blocks);
      if (goOnAfter(time, rows)) endOverflown(time, rows);
      for (let row = 0; row < rows; row++) if (lengths[row] === time + 1) settle(row, time + 1, given[runs[row]]);
    }
  };
}
