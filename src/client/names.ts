/** What a client may be given, by name: as nothing else reaches the server, a slip of the pen would change nothing. */
import { expectKnown } from '../errors.js';
import type { Fresh, Learning, Want, WireOptimizer } from '../wire/messages.js';
import type { Reconnect } from './line.js';
import type { RemoteOptions, ResumePoint } from './options.js';

/** `true` for an option that has no fields, or any. */
type Fields<T> = { readonly [Name in keyof T]-?: true | Fields<Item<NonNullable<T[Name]>>> };
/** Of a list each item is looked at. */
type Item<T> = T extends readonly (infer One)[] ? One : T;

const optimizer: Fields<WireOptimizer> = {
  kind: true,
  rate: true,
  momentum: true,
  beta1: true,
  beta2: true,
  epsilon: true,
  decay: true,
  weightDecay: true,
  schedule: { kind: true, warmup: true, period: true, until: true, steps: true, final: true },
};

const learning: Fields<Learning> = {
  k1: true,
  k2: true,
  lateness: true,
  optimizer,
  maxGradientNorm: true,
  maxGradientElement: true,
  freeze: true,
  maxSkipped: true,
  replay: { capacity: true, windows: true, seed: true },
  targetSource: true,
  horizon: true,
  guard: {
    longest: true,
    largest: true,
    leap: true,
    every: true,
    lower: true,
    recover: true,
    least: true,
    maxNorm: true,
    maxRollbacks: true,
  },
  loss: { kind: true, delta: true, beta: true, blank: true, classWeights: true },
  readout: { optimizer, k1: true },
};

const want: Fields<Want> = { answer: true, topK: true, every: true, last: true, logits: true, carry: true };

const fresh: Fields<Fresh> = {
  config: {
    input: { kind: true, size: true },
    layers: { cell: true, size: true, initialization: true },
    output: { kind: true, size: true },
    skip: true,
    encoder: true,
    labels: true,
  },
  seed: true,
};

const reconnect: Fields<Reconnect> = { first: true, most: true, patience: true, silence: true };

const resume: Fields<ResumePoint> = { token: true, receivedSeq: true, receivedMessages: true, sentMessages: true };

const options: Fields<RemoteOptions> = {
  token: true,
  model: true,
  fresh,
  learn: true,
  learning,
  want,
  subprotocol: true,
  carry: true,
  maxBuffered: true,
  reconnect,
  signal: true,
  resume,
  onState: true,
  onOpened: true,
  onFinished: true,
};

/** @throws ConfigError naming an option that is none, or a field of one, with those that there are */
export function checkNames(given: RemoteOptions): void {
  check(given, '', options);
}

function check(given: unknown, path: string, fields: object): void {
  if (Array.isArray(given)) for (const item of given) check(item, path, fields);
  else if (typeof given === 'object' && given !== null) {
    expectKnown(path === '' ? 'an option' : `an option of ${path}`, given, Object.keys(fields));
    for (const [name, inner] of Object.entries(fields)) {
      if (inner === true) continue;
      check((given as Record<string, unknown>)[name], path === '' ? name : `${path}.${name}`, inner);
    }
  }
}
