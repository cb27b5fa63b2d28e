/**
 * What a session is opened with, and what it was opened as. A setting that is left out is the server's choice.
 * In a decoded message, flags and counts that were left out are there as `false` and 0.
 */

/** The fields that were given: what is left out and what is undefined are the same. */
export function given<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** Whose weights move: nobody's, a copy's for this session, or the model's own for everyone. */
export type Learn = 'none' | 'private' | 'shared';

/** The shape of a network, as `createModel` takes it. */
export interface WireModelConfig {
  readonly input: { readonly kind: 'token' | 'features'; readonly size: number };
  readonly layers: readonly WireLayer[];
  readonly output: { readonly kind: 'classes' | 'labels' | 'values' | 'gaussian' | 'mixture'; readonly size: number };
  readonly skip?: boolean;
  readonly encoder?: WireEncoder;
  readonly labels?: readonly string[];
}

export interface WireLayer {
  readonly cell: 'rnn_tanh' | 'rnn_relu' | 'gru' | 'lstm';
  readonly size: number;
  readonly initialization?: 'pytorch' | 'orthogonal' | 'irnn' | 'np-rnn';
}

/** The encoder's configuration as it stands in a checkpoint: plain data. */
export type WireEncoder = Readonly<Record<string, unknown>> & { readonly kind: string };

/** A network that does not exist yet, for one session. */
export interface Fresh {
  readonly config: WireModelConfig;
  readonly seed?: number;
}

/** How a session learns; named as the options of a trainer. */
export interface Learning {
  /** Steps between updates. */
  readonly k1?: number;
  /** Steps that the gradient passes through, at least k1. */
  readonly k2?: number;
  /** Further steps that are kept for targets that come late. */
  readonly lateness?: number;
  readonly optimizer?: WireOptimizer;
  /** `Infinity` for none. */
  readonly maxGradientNorm?: number;
  /** `Infinity` for none. */
  readonly maxGradientElement?: number;
  readonly freeze?: readonly string[];
  readonly maxSkipped?: number;
  readonly replay?: { readonly capacity: number; readonly windows: number; readonly seed?: number };
  /** `sent`, the default: the client sends targets; `input`: the target of a step is the input `horizon` steps later. */
  readonly targetSource?: 'sent' | 'input';
  /** With `input`: steps ahead; default 1. */
  readonly horizon?: number;
  readonly guard?: WireGuard;
  readonly loss?: WireLoss;
  /** The readout learns by a rule of its own. */
  readonly readout?: { readonly optimizer?: WireOptimizer; readonly k1?: number };
}

/** Named as the settings of a loss; which of them it takes is up to its kind. */
export interface WireLoss {
  readonly kind?:
    | 'cross-entropy'
    | 'binary-cross-entropy'
    | 'squared-error'
    | 'huber'
    | 'gaussian'
    | 'mixture-density'
    | 'ctc';
  readonly delta?: number;
  readonly beta?: number;
  readonly blank?: number;
  readonly classWeights?: readonly number[];
}

/** When a learner goes back; named as a trainer's. */
export interface WireGuard {
  /** `Infinity` for never; so is `largest`. */
  readonly longest?: number;
  readonly largest?: number;
  readonly leap?: number;
  readonly every?: number;
  readonly lower?: number;
  readonly recover?: number;
  readonly least?: number;
  readonly maxNorm?: number;
  readonly maxRollbacks?: number;
}

/** Named as the settings of an optimizer; which of them it takes is up to its kind. */
export interface WireOptimizer {
  readonly kind?: 'sgd' | 'adam' | 'rmsprop' | 'adagrad';
  readonly rate?: number;
  readonly momentum?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly decay?: number;
  readonly weightDecay?: number;
  readonly schedule?: WireSchedule;
}

/** How the learning rate changes with updates. */
export interface WireSchedule {
  readonly kind?: 'constant' | 'inverse-sqrt' | 'linear';
  readonly warmup?: number;
  readonly period?: number;
  readonly until?: number;
  readonly steps?: number;
  readonly final?: number;
}

/** What comes back for a frame. */
export interface Want {
  /** Default: `whole`. */
  readonly answer?: 'whole' | 'top-k' | 'argmax' | 'none';
  /** With `top-k`: how many. */
  readonly topK?: number;
  /** Answers for the steps whose number this divides; 0 and 1 are every step. */
  readonly every?: number;
  /** Only the last step of the session is answered, just before `finished`; `every` is passed over. */
  readonly last?: boolean;
  /** Also o(t). */
  readonly logits?: boolean;
  /** Also the carry. */
  readonly carry?: boolean;
}
