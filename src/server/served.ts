import { createHash, randomInt } from 'node:crypto';
import type { Encoder } from '../encoders/encoder.js';
import { encoderOf } from '../encoders/encoders.js';
import { ConfigError, kindOf } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { isModel, type Model, type TrainableModel } from '../model/model.js';
import { isTrainer, type Trainer } from '../training/trainer.js';
import type { Sharing } from './learner.js';

/** A model under its name, with what sessions of it share. */
export interface Served extends Sharing {
  readonly name: string;
  readonly model: Model;
  /** SHA-256 of configuration and weights at the start; empty where the weights cannot be seen. */
  readonly hash: string;
  /** Hashes that sessions know it by which began before it was moved for everyone, and saved. */
  readonly former: Set<string>;
  /** Of text, ink, sound or readings, where the model takes it. */
  readonly encoder: Encoder | undefined;
  /** The frames that it takes. */
  readonly takes: 'text' | 'points' | 'pcm' | undefined;
  /** Sessions of it that are here, and those that rest. */
  sessions: number;
  resting: number;
}

/** What is told of a model to who opens a session. */
export type Shape = Pick<Model, 'config' | 'carryLayout'>;

/** A trainer serves its model, and is what moves it for everyone. */
export type Serveable = Model | Trainer;

export type Models = Serveable | Readonly<Record<string, Serveable>>;

/** The models by name; one alone is `default`. Throws `ConfigError` if there is none, or one is no model. */
export function serveModels(models: Models): Map<string, Served> {
  // A promise is no record of models, though nothing is in it.
  const one = isModel(models) || isTrainer(models) || models instanceof Promise;
  const named = one ? { default: models } : models;
  const served = new Map<string, Served>();
  for (const [name, model] of Object.entries(named ?? {})) {
    if (!isModel(model) && !isTrainer(model))
      throw new ConfigError(`Expected models.${name} to be a model, got ${kindOf(model)}`);
    served.set(name, serveModel(name, model));
  }
  if (served.size === 0) throw new ConfigError('Expected at least one model to serve, got none');
  return served;
}

/** @throws ConfigError if the model and its encoder do not fit */
export function serveModel(name: string, given: Serveable): Served {
  const shared = isTrainer(given) ? given : undefined;
  const model = isTrainer(given) ? given.model : given;
  const encoder = encoderOf(model.config);
  return {
    name,
    model,
    hash: isTrainable(model) ? hashModel(model) : '',
    former: new Set(),
    encoder,
    takes: encoder && payloads[encoder.config.kind],
    sessions: 0,
    resting: 0,
    shared,
    sharers: 0,
    followers: new Set(),
    // Not as many as another was told, which a snapshot may be of.
    verdicts: randomInt(2 ** 47),
  };
}

/** The model of a session that has ended, as it is told to its client: nothing steps it any more. */
export function endedModel(name: string, hash: string, shape: Shape): Served {
  const ended = (): never => {
    throw new ConfigError('Expected a session that goes on, got one that has ended');
  };
  const calls = { zeroCarry: ended, checkInput: ended, step: ended, stepMany: ended, moveMany: ended };
  return { ...serveModel(name, { ...shape, ...calls }), hash };
}

/** What frames may hold, by the kind of the encoder. Other kinds encode where the data is, before it is sent. */
const payloads: Readonly<Record<string, Served['takes']>> = {
  audio: 'pcm',
  bytes: 'text',
  characters: 'text',
  readings: 'text',
  strokes: 'points',
};

/** The model of that name; without a name `default`, or the only one. */
export function findModel(served: ReadonlyMap<string, Served>, name: string | undefined): Served | undefined {
  if (name) return served.get(name);
  return served.get('default') ?? (served.size === 1 ? [...served.values()][0] : undefined);
}

/** What a session or snapshot of this hash holds is of this model. */
export function fits({ hash, former }: Served, modelHash: string): boolean {
  return hash === modelHash || former.has(modelHash);
}

/** Of the weights as they are at present; empty where they cannot be seen. */
export function presentHash({ model }: Served): string {
  return isTrainable(model) ? hashModel(model) : '';
}

export function isTrainable(model: Model): model is TrainableModel {
  return 'network' in model && 'setWeights' in model;
}

/** Equal configurations are equal text, in whatever order the settings of their encoders stand: a checkpoint has its own. */
export function configText(config: ModelConfig): string {
  const { encoder } = config;
  return JSON.stringify(encoder ? { ...config, encoder: JSON.parse(JSON.stringify(encoder, inOrder)) } : config);
}

function inOrder(_: string, part: unknown): unknown {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
  return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function hashModel(model: TrainableModel): string {
  const hash = createHash('sha256').update(configText(model.config));
  for (const [name, values] of Object.entries(model.weights())) {
    hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest('hex');
}
