import type { Carry } from '../model/carry.js';
import type { Finished, Fresh, Learn, Learning, Opened, Subprotocol, Want } from '../wire/messages.js';

export interface RemoteOptions {
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
  /** Frames that may wait while the server has no room for them. Default 65,536; more is a `LimitError`. */
  readonly maxBuffered?: number;
  /** Told of the effective configuration. */
  readonly onOpened?: (opened: Opened) => void;
  /** Told of the totals. */
  readonly onFinished?: (finished: Finished) => void;
}
