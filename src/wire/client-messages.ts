import type { Fresh, Learn, Learning, Want } from './settings.js';

/** What a client sends; `session` is 1 or more, picked by the client, but in `authenticate`. */
export type ClientMessage = Open | Frames | Targets | Finish | Reset | Snapshot | Restore | Ack | Close | Authenticate;

/** Starts a session, or (with `resume`) goes on with one. */
export interface Open {
  readonly type: 'open';
  readonly session: number;
  /** The name of a served model; left out or empty is the default one. Not together with `fresh`. */
  readonly model?: string;
  /** A new network for this session alone. */
  readonly fresh?: Fresh;
  readonly learn?: Learn;
  readonly learning?: Learning;
  readonly want?: Want;
  readonly resumable?: boolean;
  readonly resume?: {
    readonly token: string;
    readonly receivedSeq: number;
    /** Messages beside answers that have arrived in the session. */
    readonly receivedMessages?: number;
  };
  /** Drawn at random: sent again, the open goes on with the session that it opened. */
  readonly nonce?: string;
  /** h(0), and c(0) where the cell has one. */
  readonly carry?: Float32Array;
}

/** Frames numbered firstSeq, firstSeq + 1, ...; see `frameCount`. */
export interface Frames {
  readonly type: 'frames';
  readonly session: number;
  readonly firstSeq: number;
  /** Every answer up to this frame has arrived. */
  readonly ack?: number;
  readonly payload: Payload;
  /** One a frame. Without `forStep`, for its own step; with it, target i is for step forStep + i and is applied before frame i. */
  readonly targets?: InlineTargets;
}

export type Payload = TokenFrames | FeatureFrames | TextFrames | PcmFrames | PointFrames;

export interface TokenFrames {
  readonly kind: 'tokens';
  readonly ids: readonly number[];
}

/** rows × (values.length / rows), row after row; non-finite numbers are left for the session to judge. */
export interface FeatureFrames {
  readonly kind: 'features';
  readonly rows: number;
  readonly values: Float32Array;
}

export interface TextFrames {
  readonly kind: 'text';
  readonly chunks: readonly string[];
}

/** Samples in -1..1. Int16 samples are sent as they are, and arrive divided by 32768. */
type Samples = Float32Array | Int16Array;

/** Samples, at the rate of the model's encoder or at one of their own, in hertz. */
export type PcmChunk = Samples | { readonly rate: number; readonly samples: Samples };

export interface PcmFrames {
  readonly kind: 'pcm';
  readonly chunks: readonly PcmChunk[];
}

export interface PointFrames {
  readonly kind: 'points';
  readonly chunks: readonly (readonly Point[])[];
}

/** Coordinates and pressure are rounded to float32 on the way. */
export interface Point {
  readonly x: number;
  readonly y: number;
  /** Milliseconds. */
  readonly time: number;
  readonly pressure?: number;
  /** The pen leaves the surface after this point. */
  readonly up: boolean;
}

/** A class, a vector, or no label. */
export type TargetValue = number | Float32Array | null;

export interface InlineTargets {
  readonly forStep?: number;
  readonly targets: readonly TargetValue[];
  /** How much each of them teaches; left out: 1 each. */
  readonly weights?: readonly number[];
}

/** Targets for the steps forStep, forStep + 1, ... */
export interface Targets {
  readonly type: 'targets';
  readonly session: number;
  readonly forStep: number;
  readonly targets: readonly TargetValue[];
  /** How much each of them teaches; left out: 1 each. */
  readonly weights?: readonly number[];
}

/** No more frames: all is answered, the remainder is learned, then `finished` comes. */
export interface Finish {
  readonly type: 'finish';
  readonly session: number;
  /** `finished` brings the carry. */
  readonly carry?: boolean;
  /** `finished` brings a snapshot. */
  readonly state?: boolean;
  /** The last frame that was sent: where it has not come, that is a gap, and nothing is finished. */
  readonly afterSeq?: number;
}

/** The stream starts afresh just before a frame (left out: the next one); numbers go on. */
export interface Reset {
  readonly type: 'reset';
  readonly session: number;
  readonly beforeSeq?: number;
  /** Private weights go back to those that the session began with, too. */
  readonly weights?: boolean;
}

export interface Snapshot {
  readonly type: 'snapshot';
  readonly session: number;
}

export interface Restore {
  readonly type: 'restore';
  readonly session: number;
  readonly data: Uint8Array;
}

/** Every answer up to this frame has arrived. */
export interface Ack {
  readonly type: 'ack';
  readonly session: number;
  readonly seq: number;
}

/** Ends the session now; what is under way may be lost. */
export interface Close {
  readonly type: 'close';
  readonly session: number;
}

/** Who the client is, where it cannot set a header: the first message of the connection. */
export interface Authenticate {
  readonly type: 'authenticate';
  /** 0: the connection itself. */
  readonly session: 0;
  readonly token: string;
}

/** How many frames a payload holds. */
export function frameCount(payload: Payload): number {
  switch (payload.kind) {
    case 'tokens':
      return payload.ids.length;
    case 'features':
      return payload.rows;
    default:
      return payload.chunks.length;
  }
}
