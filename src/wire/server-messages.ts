import type { FaultCode } from './faults.js';
import type { Learn, Learning, Want, WireModelConfig } from './settings.js';

/** What a server sends; `session` 0 is the connection itself. */
export type ServerMessage =
  | Opened
  | Predictions
  | Losses
  | Updated
  | Credit
  | Duplicate
  | Expiring
  | SnapshotData
  | Fault
  | Finished;

/** The session is open, with this effective configuration. */
export interface Opened {
  readonly type: 'opened';
  readonly session: number;
  /** Names the session across connections; empty if it is not resumable. */
  readonly token: string;
  readonly model: string;
  readonly modelHash: string;
  readonly config?: WireModelConfig;
  /** The parts of the carry, in order. */
  readonly carryLayout: readonly CarryPart[];
  readonly learn?: Learn;
  readonly learning?: Learning;
  readonly want?: Want;
  readonly resumable: boolean;
  /** How many frames may be under way. */
  readonly credit: number;
  readonly nextSeq: number;
  readonly nextStep: number;
  /** `targets`, `reset` and `restore` messages that the session has taken. */
  readonly takenMessages?: number;
  /** How long a resumable session waits for its client. */
  readonly resumeSeconds?: number;
}

export interface CarryPart {
  readonly name: string;
  readonly length: number;
}

/** Answers to the frames firstSeq, firstSeq + 1, ..., one entry a frame. */
export interface Predictions {
  readonly type: 'predictions';
  readonly session: number;
  readonly firstSeq: number;
  readonly entries: readonly Entry[];
}

export interface Entry {
  /** The number of the frame's first step; 0 where it made none. */
  readonly firstStep: number;
  readonly stepCount: number;
  /** The steps whose answer was wanted. */
  readonly answers: readonly StepAnswer[];
  /** Of earlier steps, whose targets came with this frame: before it was stepped. Undefined where there are none. */
  readonly losses?: readonly StepLoss[];
}

/** The loss of a step, before it was learned from. */
export interface StepLoss {
  readonly step: number;
  readonly loss: number;
}

export interface StepAnswer {
  readonly step: number;
  /** ŷ(t), where the whole prediction was asked for. */
  readonly prediction?: Float32Array;
  /** The largest outputs, largest first, where top k or argmax was asked for. */
  readonly topIndices?: readonly number[];
  readonly topValues?: Float32Array;
  /** Of the inline target, before it was learned from. */
  readonly loss?: number;
  readonly logits?: Float32Array;
  readonly carry?: Float32Array;
  /** The guard brought the input down. */
  readonly limited?: true;
}

/** The losses of targets that came by themselves, after their steps were answered. */
export interface Losses {
  readonly type: 'losses';
  readonly session: number;
  readonly losses: readonly StepLoss[];
}

/** The weights have moved, or (`skipped`) have not because loss or gradient was not finite; named as a trainer's update. */
export interface Updated {
  readonly type: 'updated';
  readonly session: number;
  /** Updates so far, this one included. */
  readonly count: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly clipped: boolean;
  readonly skipped: boolean;
  readonly windows: number;
  /** Of these, the ones that were learned before. */
  readonly replayed: number;
  /** Steps the gradient went through, and the labelled ones among them. */
  readonly steps: number;
  readonly labelled: number;
  /** Windows with fewer than k2 steps. */
  readonly short: number;
  /** The guard took weights and stream back. */
  readonly rollback?: WireRollback;
  /** The guard shortened it. */
  readonly shortened?: true;
  /** The readout alone learned, by the rule of its own. */
  readonly readout?: true;
}

export interface WireRollback {
  readonly reason?: 'leap' | 'not-finite' | 'norm';
  /** Updates that were undone. */
  readonly lost: number;
  /** The factor on the learning rate from now on. */
  readonly rate: number;
  readonly inRow: number;
  /** The stream goes on from where it was after this step; numbers go on. */
  readonly toStep: number;
}

/** How many frames may be under way from now on. */
export interface Credit {
  readonly type: 'credit';
  readonly session: number;
  readonly frames: number;
}

/** Frames that were answered and acknowledged before, sent again. */
export interface Duplicate {
  readonly type: 'duplicate';
  readonly session: number;
  readonly firstSeq: number;
  readonly count: number;
}

/** The session will be put away if nothing comes. */
export interface Expiring {
  readonly type: 'expiring';
  readonly session: number;
  readonly milliseconds: number;
  readonly reason: string;
}

export interface SnapshotData {
  readonly type: 'snapshotData';
  readonly session: number;
  readonly data: Uint8Array;
  /** The last frame and the last step it contains. */
  readonly seq: number;
  readonly step: number;
  readonly modelHash: string;
}

/** Something was refused, or went wrong; a refused frame has this in place of its entry. */
export interface Fault {
  readonly type: 'fault';
  readonly session: number;
  readonly code: FaultCode;
  readonly forSeq?: number;
  readonly forStep?: number;
  /** The same message may succeed later. */
  readonly retryable: boolean;
  readonly message: string;
  /** With `gap`: the number that was due. */
  readonly expectedSeq?: number;
  /** Position of the offending number in its row. */
  readonly index?: number;
  readonly retryAfterMilliseconds?: number;
}

/** The last message of a session. */
export interface Finished {
  readonly type: 'finished';
  readonly session: number;
  readonly carry?: Float32Array;
  /** A snapshot, where it was asked for. */
  readonly state?: Uint8Array;
  readonly totals?: Totals;
}

export interface Totals {
  readonly frames: number;
  readonly refusedFrames: number;
  readonly steps: number;
  readonly targets: number;
  readonly expiredTargets: number;
  readonly updates: number;
  readonly skippedUpdates: number;
  readonly meanLoss?: number;
  readonly rollbacks?: number;
  readonly shortenedUpdates?: number;
  readonly limitedInputs?: number;
}
