import type { Carry, ModelConfig } from 'eddy';
import type { Learning, RemoteInput, RemoteItem, RemoteLearned, RemoteState, RemoteStep, Want } from 'eddy/client';
import type { Reset } from 'eddy/operators';
import type { OperatorFunction } from 'rxjs';

export type Place = 'here' | 'server';

/**
 * A network that ships with the pages, by the name of its file in `models/`; `NAME.learner`, a copy of it that everyone who has the
 * pages open teaches (here: this page alone), and that other sessions see as it is; or a new one that knows nothing yet.
 */
export type Network = string | ModelConfig;

export interface RunOptions {
  /** What a step should bring besides its prediction; here, everything is there anyway. */
  readonly want?: Want;
  /** To go on from; zeros if it is left out. */
  readonly carry?: Carry;
  /** Told as soon as items are taken, with the configuration of the network. */
  readonly opened?: (config: ModelConfig) => void;
  /** Told how the connection is; here there is none. */
  readonly state?: (state: RemoteState) => void;
}

/** How a learner learns: as a trainer's options, all of them said, so that it is the same here and on the server. */
export type Lessons = Required<Pick<Learning, 'k1' | 'k2' | 'optimizer'>> &
  Pick<Learning, 'lateness' | 'maxGradientNorm' | 'freeze'>;

/**
 * Where the networks of the pages run: the same operators here and on the server, with the same answers, bit for bit. What comes
 * before the network is there waits for it. Errors where it cannot be had, or the server is lost.
 */
export interface Runner {
  readonly place: Place;
  /** A network that learns nothing. Text goes through its encoder. */
  step<In extends RemoteInput | Reset>(network: Network, options?: RunOptions): OperatorFunction<In, RemoteStep>;
  /**
   * A network that learns on the way: the learner of that name itself, or else a copy, for this subscription alone.
   * Raw data goes through its encoder; examples are of inputs.
   */
  learn<In extends RemoteItem>(
    network: Network,
    lessons: Lessons,
    options?: RunOptions,
  ): OperatorFunction<In, RemoteLearned>;
}

/** The network is shared by those who teach it. */
export function isShared(network: Network): network is string {
  return typeof network === 'string' && network.endsWith(learnerEnding);
}

export const learnerEnding = '.learner';
