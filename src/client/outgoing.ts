/** What waits to be sent, and how it becomes messages. */
import { joinText, noText } from '../encoders/surrogates.js';
import { InputError, LimitError, TargetError } from '../errors.js';
import type { Input } from '../model/input.js';
import { isReset, type Reset } from '../operators/afresh.js';
import type { Example, LateTarget } from '../operators/learned.js';
import type { Target } from '../training/loss.js';
import { checkWeight } from '../training/window.js';
import type {
  Frames,
  Payload,
  PcmChunk,
  Point,
  Reset as ResetMessage,
  Restore,
  Snapshot,
  Targets,
} from '../wire/messages.js';

/** Sound as a frame: 16-bit samples, or any with their rate. Bare numbers would be features. */
export type RemoteSound = Int16Array | Exclude<PcmChunk, Int16Array | Float32Array>;

/** What a model with an encoder may take in place of inputs: a chunk of text, of ink or of sound. */
export type RemoteChunk = string | readonly Point[] | RemoteSound;

/** What one frame may be. */
export type RemoteInput = Input | RemoteChunk;

export type RemoteItem =
  | RemoteInput
  | Example<Input>
  | { readonly input: RemoteChunk; readonly target?: Target; readonly weight?: number }
  | LateTarget
  | Reset;

interface WaitingFrame {
  readonly kind: 'frame';
  readonly input: RemoteInput;
  /** Undefined where it may still come. */
  readonly target: Target | undefined;
  readonly weight: number | undefined;
}

type Waiting =
  | WaitingFrame
  | ({ readonly kind: 'target' } & LateTarget)
  | { readonly kind: 'reset'; readonly weights: boolean }
  | StateItem;

/** Asks for the state of the stream, or puts one in its place, after the items before. */
export type StateItem = { readonly kind: 'snapshot' } | { readonly kind: 'restore'; readonly data: Uint8Array };

/** UTF-16 units of one chunk of text, or points of one chunk of ink: longer ones are sent in parts. */
const longestChunk = 256;
/** Samples of one chunk of sound. */
const longestSound = 4096;

/** Frames of one message at most, and about how many bytes. */
const largestRun = 1024;
const largestBytes = 1 << 16;

export interface Outgoing {
  /** Throws `InputError` or `TargetError` for what cannot be sent, `LimitError` when too much waits. */
  push(item: RemoteItem): void;
  pushState(item: StateItem): void;
  /** No more will come: half a character that waits for its rest is a frame, too. */
  end(): void;
  size(): number;
  /** What comes next; undefined if there is nothing. */
  next(): Waiting['kind'] | undefined;
  /** The next message, of at most `room` frames, from frame `seq` on; undefined if there is none or no room for it. */
  take(
    session: number,
    seq: number,
    room: number,
  ):
    | { message: Frames; targets: (Target | undefined)[] }
    | { message: Targets | ResetMessage | Restore | Snapshot }
    | undefined;
}

/**
 * @param toWire a target as it is sent
 * @param apart a late target is a message of its own, so that items can be counted by messages
 */
export function createOutgoing(most: number, toWire: (target: Target) => Target, apart = false): Outgoing {
  let waiting: Waiting[] = [];
  let head = 0;
  /** Of text that was cut in the middle of a character: a message has whole ones alone. */
  let text = noText;

  /** A chunk with the half before it, and without the one that it ends with. */
  const joined = (chunk: string): string => {
    const whole = joinText(text, chunk);
    text = whole.state;
    return whole.text;
  };

  const end = (): void => {
    const { pending } = text;
    text = noText;
    if (pending !== '') waiting.push({ kind: 'frame', input: pending, target: undefined, weight: undefined });
  };

  const longest = apart ? 1 : largestRun;
  const takeTargets = (session: number): { message: Targets } => {
    const { forStep } = waiting[head] as LateTarget;
    const run: LateTarget[] = [];
    for (;;) {
      const item = waiting[head];
      if (item?.kind !== 'target' || item.forStep !== forStep + run.length || run.length === longest) break;
      run.push(item);
      head++;
    }
    const targets = run.map(item => toWire(item.target));
    return { message: { type: 'targets', session, forStep, targets, ...weightsOf(run) } };
  };

  const takeReset = (session: number, beforeSeq: number): { message: ResetMessage } => {
    const { weights } = waiting[head++] as Extract<Waiting, { kind: 'reset' }>;
    return { message: { type: 'reset', session, beforeSeq, ...(weights ? { weights } : {}) } };
  };

  const takeState = (session: number): { message: Restore | Snapshot } => {
    const item = waiting[head++] as StateItem;
    return {
      message: item.kind === 'snapshot' ? { type: 'snapshot', session } : { type: 'restore', session, data: item.data },
    };
  };

  const takeFrames = (session: number, firstSeq: number, room: number) => {
    const first = waiting[head] as WaitingFrame;
    const most = Math.min(room, largestRun);
    const run: WaitingFrame[] = [];
    let bytes = 0;
    while (run.length < most && bytes < largestBytes) {
      const item = waiting[head];
      if (item?.kind !== 'frame' || !goesWith(first, item)) break;
      run.push(item);
      bytes += sizeOf(item.input);
      head++;
    }
    const targets = run.map(item => item.target);
    const payload = payloadOf(run.map(item => item.input));
    const message: Frames = {
      type: 'frames',
      session,
      firstSeq,
      payload,
      ...(first.target === undefined
        ? {}
        : { targets: { targets: targets.map(target => toWire(target!)), ...weightsOf(run) } }),
    };
    return { message, targets };
  };

  return {
    size: () => waiting.length - head,
    next: () => waiting[head]?.kind,
    push(item) {
      if (waiting.length - head >= most) {
        throw new LimitError(
          `Expected at most ${most} frames to wait for the server: slow the source or raise maxBuffered`,
        );
      }
      const next = waitingOf(item);
      if (next.kind === 'reset') end();
      if (next.kind !== 'frame') waiting.push(next);
      else {
        const whole = typeof next.input === 'string' ? joined(next.input) : next.input;
        for (const input of partsOf(whole)) waiting.push({ ...next, input });
      }
    },
    end,
    pushState(item) {
      waiting.push(item);
    },
    take(session, seq, room) {
      if (head === waiting.length) return undefined;
      if (waiting[head].kind === 'frame' && room <= 0) return undefined;
      const { kind } = waiting[head];
      const taken =
        kind === 'target'
          ? takeTargets(session)
          : kind === 'reset'
            ? takeReset(session, seq)
            : kind === 'frame'
              ? takeFrames(session, seq, room)
              : takeState(session);
      if (head === waiting.length || head > 1024) {
        waiting = waiting.slice(head);
        head = 0;
      }
      return taken;
    },
  };
}

function waitingOf(item: RemoteItem): Waiting {
  if (typeof item !== 'object' || item === null || item instanceof Float32Array || isInk(item) || isSound(item)) {
    return { kind: 'frame', input: checkInput(item), target: undefined, weight: undefined };
  }
  if (isReset(item)) return { kind: 'reset', weights: item.weights === true };
  if ('forStep' in item) {
    const { forStep } = item;
    if (!Number.isSafeInteger(forStep) || forStep < 1) {
      throw new TargetError(`Expected a target for a step from 1, got one for ${forStep}`);
    }
    checkWeight(item.weight);
    return { kind: 'target', forStep, target: checkTarget(item.target), weight: item.weight };
  }
  const { input, target, weight } = item;
  checkWeight(weight);
  if (target === undefined && weight !== undefined && weight !== 1)
    throw new TargetError('Expected a weight to come with its target, got it alone: give it with the late target');
  return {
    kind: 'frame',
    input: checkInput(input),
    target: target === undefined ? undefined : checkTarget(target),
    weight,
  };
}

/** Nothing where each is 1. */
function weightsOf(run: readonly { readonly weight?: number }[]): { weights?: number[] } {
  const weights = run.map(({ weight = 1 }) => weight);
  return weights.every(weight => weight === 1) ? {} : { weights };
}

function isInk(input: unknown): input is readonly Point[] {
  return Array.isArray(input);
}

function isSound(input: unknown): input is RemoteSound {
  return input instanceof Int16Array || (typeof input === 'object' && input !== null && 'samples' in input);
}

/** What is sent as one frame, or in parts where it is too long. */
function partsOf(input: RemoteInput): readonly RemoteInput[] {
  if (isSound(input)) return soundsOf(input);
  const long = (typeof input === 'string' || isInk(input)) && input.length > longestChunk;
  return long ? chunksOf(input) : [input];
}

function soundsOf(sound: RemoteSound): RemoteSound[] {
  const samples = samplesOf(sound);
  const parts: RemoteSound[] = [];
  for (let start = 0; start === 0 || start < samples.length; start += longestSound) {
    const part = samples.slice(start, start + longestSound);
    parts.push('samples' in sound ? { rate: sound.rate, samples: part } : (part as Int16Array));
  }
  return parts;
}

function samplesOf(sound: RemoteSound): Int16Array | Float32Array {
  return 'samples' in sound ? sound.samples : sound;
}

/** A long chunk in parts, no character cut in two. */
function chunksOf(whole: string | readonly Point[]): (string | readonly Point[])[] {
  const chunks: (string | readonly Point[])[] = [];
  for (let start = 0; start < whole.length; ) {
    const last = typeof whole === 'string' ? whole.charCodeAt(start + longestChunk - 1) : 0;
    const length = last >= 0xd800 && last <= 0xdbff ? longestChunk - 1 : longestChunk;
    chunks.push(whole.slice(start, start + length));
    start += length;
  }
  return chunks;
}

/** The item, or a part of it, as it is now. What is wrong with it is told when it is pushed. */
export function copyItem<Part>(item: Part): Part {
  if (item instanceof Float32Array || item instanceof Int16Array) return item.slice() as Part;
  if (Array.isArray(item)) return item.map(copyItem) as Part;
  if (typeof item !== 'object' || item === null || Object.getPrototypeOf(item) !== Object.prototype) return item;
  return Object.fromEntries(Object.entries(item).map(([name, part]) => [name, copyItem(part)])) as Part;
}

/** Its own copy: the caller may write on. */
function checkInput(input: RemoteInput | null): RemoteInput {
  if (typeof input === 'string') return input;
  if (typeof input === 'number') {
    if (Number.isInteger(input) && input >= 0 && input < 2 ** 32) return input;
    throw new InputError(`Expected input to be a token (a whole number from 0), got ${input}`);
  }
  if (input instanceof Float32Array && input.length > 0) return input.slice();
  if (isInk(input) && input.every(point => typeof point?.x === 'number' && typeof point.y === 'number'))
    return copyItem(input);
  // Their parts are copies.
  if (isSound(input)) {
    const samples = samplesOf(input);
    const rated = !('rate' in input) || (Number.isInteger(input.rate) && input.rate > 0 && input.rate < 2 ** 32);
    if (rated && (samples instanceof Int16Array || samples instanceof Float32Array)) return input;
  }
  throw new InputError(
    `Expected input to be a token, a Float32Array of features, text, a list of points, an Int16Array or { rate, samples }, got ${describe(input)}`,
  );
}

function checkTarget(target: Target): Target {
  if (target === null || (typeof target === 'number' && Number.isFinite(target))) return target;
  if (target instanceof Float32Array && target.length > 0) return target.slice();
  throw new TargetError(`Expected target to be a class, a Float32Array or null, got ${describe(target)}`);
}

function describe(value: unknown): string {
  if (value instanceof Float32Array) return 'an empty one';
  return typeof value === 'object' && value !== null ? (value.constructor?.name ?? 'an object') : String(value);
}

/** Both can be in one message. */
function goesWith(a: WaitingFrame, b: WaitingFrame): boolean {
  if ((a.target === undefined) !== (b.target === undefined) || kindOf(a.input) !== kindOf(b.input)) return false;
  return !(a.input instanceof Float32Array) || a.input.length === (b.input as Float32Array).length;
}

function kindOf(input: RemoteInput): Payload['kind'] {
  if (typeof input === 'number') return 'tokens';
  if (typeof input === 'string') return 'text';
  return isInk(input) ? 'points' : isSound(input) ? 'pcm' : 'features';
}

/** Bytes of a point, at most. */
const pointSize = 32;

function sizeOf(input: RemoteInput): number {
  if (typeof input === 'number') return 4;
  if (isSound(input)) return samplesOf(input).byteLength;
  return (kindOf(input) === 'points' ? pointSize : 4) * input.length;
}

function payloadOf(inputs: readonly RemoteInput[]): Payload {
  const [first] = inputs;
  if (typeof first === 'number') return { kind: 'tokens', ids: inputs as number[] };
  if (typeof first === 'string') return { kind: 'text', chunks: inputs as string[] };
  if (isInk(first)) return { kind: 'points', chunks: inputs as (readonly Point[])[] };
  if (isSound(first)) return { kind: 'pcm', chunks: inputs as RemoteSound[] };
  if (inputs.length === 1) return { kind: 'features', rows: 1, values: first };
  const values = new Float32Array(inputs.length * first.length);
  for (let i = 0; i < inputs.length; i++) values.set(inputs[i] as Float32Array, i * first.length);
  return { kind: 'features', rows: inputs.length, values };
}
