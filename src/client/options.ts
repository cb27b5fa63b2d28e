import type { Carry } from '../model/carry.js';
import type { Finished, Fresh, Learn, Learning, Opened, Subprotocol, Want } from '../wire/messages.js';
import type { Reconnect, RemoteState } from './line.js';

/** Where a client can go on that begins anew, with the items that come after those answers. */
export interface ResumePoint {
  readonly token: string;
  /** The last frame whose answer was taken. */
  readonly receivedSeq: number;
  /** Messages beside answers that were taken. */
  readonly receivedMessages: number;
  /** Targets, resets and states that were sent before the frame after that one. */
  readonly sentMessages: number;
}

export interface RemoteOptions {
  /** Who this is, where the server asks for it: a bearer token, the first message of each connection. */
  readonly token?: string;
  /** The name of a served model. Default: the server's default. */
  readonly model?: string;
  /** A new network for this stream alone, instead. */
  readonly fresh?: Fresh;
  /** Whose weights move. Default `none`. */
  readonly learn?: Learn;
  /** How to learn; what is left out is the server's choice. */
  readonly learning?: Learning;
  /** What comes back. Default: the whole prediction of every step. */
  readonly want?: Want;
  /** Default `eddy.v1.proto`. */
  readonly subprotocol?: Subprotocol;
  /** To go on from; zeros if it is left out. */
  readonly carry?: Carry;
  /**
   * Frames that may wait while the server has no room for them. Of `remote` by default 65,536, and more is a `LimitError`; of `remoteSession` 1,024, and
   * `send` waits with more.
   */
  readonly maxBuffered?: number;
  /**
   * When a lost connection is made again; the session goes on where it was, no frame is stepped twice, no answer is lost. False:
   * a lost connection is an error, and the server keeps nothing. Default: after a random delay, for five minutes.
   */
  readonly reconnect?: Reconnect | false;
  /** Ends the session when it is aborted, with its reason as the error. */
  readonly signal?: AbortSignal;
  /** Goes on with a session of an earlier client: its items are those that came after what it received. */
  readonly resume?: ResumePoint;
  /** Told where the connection stands. */
  readonly onState?: (state: RemoteState) => void;
  /** Told of the effective configuration. */
  readonly onOpened?: (opened: Opened) => void;
  /** Told of the totals. */
  readonly onFinished?: (finished: Finished) => void;
}
