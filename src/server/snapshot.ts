/** What one stream remembers, as bytes: carry, encoder state, and with weights of its own its learner. */
import { CheckpointError, EddyError, LimitError } from '../errors.js';
import { saveModel } from '../model/checkpoint.js';
import type { Weights } from '../model/parameters.js';
import { floats, readSafetensors, type Tensor, tensorOf, writeSafetensors } from '../model/safetensors.js';
import { checkCounters, loadTrainer, markOfState, saveTrainer, stateOfMark } from '../training/checkpoint.js';
import { checkState, createStream, mostSteps, type StreamState } from '../training/stream.js';
import { readStreams, streamTensors } from '../training/stream-tensors.js';
import { type SessionLearner, takeUpLearner } from './learner.js';
import { followVerdicts } from './learning.js';
import { configText, fits, isTrainable } from './served.js';
import { type Session, unlessZeros } from './session.js';

const key = 'eddy.snapshot';
const format = 1;

/** What a snapshot says beside its numbers. */
interface SnapshotHead {
  readonly format: number;
  /** The model that it fits. */
  readonly modelHash: string;
  readonly learn: Session['learn'];
  readonly steps: number;
  readonly streamStart: number;
  readonly diverged: boolean;
  readonly encoding: unknown;
  /** Of a stream that learns: the rest of its state. */
  readonly stream?: { readonly marked: boolean; readonly verdicts: number };
  /** Of weights of its own: the counters that the learner began with. */
  readonly began?: Record<string, number>;
}

/** The stream as it stands. Another model refuses it, and another kind of learning. */
export function takeSnapshot(session: Session): Uint8Array<ArrayBuffer> {
  const { served, learn, learner, stream, steps, streamStart, diverged, encoding } = session;
  const tensors = new Map<string, Tensor>([
    ['carry', tensorOf(session.carry.slice())],
    ['opened', tensorOf(session.opened?.slice() ?? new Float32Array(session.carry.length))],
  ]);
  const state = stream?.state();
  if (learner !== undefined && state !== undefined) {
    if (learner.own) {
      const states = new Map([['', state]]);
      tensors.set('learner', tensorOf(saveTrainer(learner.trainer, states)));
      for (const [name, values] of Object.entries(learner.began!.weights)) {
        tensors.set(`began.${name}`, tensorOf(Float32Array.from(values)));
      }
    } else {
      const { mark } = state;
      const marks = mark ? [stateOfMark(mark), stateOfMark(mark.next ?? mark)] : [];
      for (const [name, tensor] of streamTensors(learner.trainer.model, [state, ...marks])) tensors.set(name, tensor);
    }
  } else if (session.own && isTrainable(served.model)) {
    tensors.set('model', tensorOf(saveModel(served.model)));
  }
  const said: SnapshotHead = {
    format,
    modelHash: served.hash,
    learn,
    steps,
    streamStart,
    diverged,
    encoding: encoding ?? null,
    ...(learner === undefined || state === undefined
      ? {}
      : {
          stream: { marked: state.mark !== undefined, verdicts: learner.verdicts() },
          ...(learner.began ? { began: learner.began.counters } : {}),
        }),
  };
  return writeSafetensors(tensors, { [key]: JSON.stringify(said) });
}

/** What a snapshot holds, ready to be put in a session. */
export interface Restored {
  readonly said: SnapshotHead;
  readonly carry: Float32Array;
  readonly opened: Float32Array;
  readonly encoding: unknown;
  readonly stream: StreamState | undefined;
  /** With the weights of the snapshot. */
  readonly learner: SessionLearner | undefined;
}

/**
 * Reads a snapshot for a session: what it is to be in, and nothing of it moves.
 *
 * @param rested the session itself rested as this: with a carry beyond float32, too, where it had one
 * @throws CheckpointError if it is none, or one of another model; LimitError if its learner takes more than `maxBytes`
 */
export async function readSnapshot(
  session: Session,
  bytes: Uint8Array,
  maxBytes: number,
  rested = false,
): Promise<Restored> {
  try {
    return await read(session, bytes, maxBytes, rested);
  } catch (error) {
    if (error instanceof CheckpointError || error instanceof LimitError || !(error instanceof EddyError)) throw error;
    throw new CheckpointError(`Expected a snapshot of this session. ${error.message}`, { cause: error });
  }
}

async function read(session: Session, bytes: Uint8Array, maxBytes: number, rested: boolean): Promise<Restored> {
  const { served, learn, learner } = session;
  const { model } = served;
  const { metadata, tensors } = readSafetensors(bytes);
  const said = parse(metadata[key]);
  expect(fits(served, said.modelHash), `a snapshot of ${served.name} (${served.hash.slice(0, 12)})`, said.modelHash);
  expect(said.learn === learn, `a snapshot of a session with learn ${learn}`, said.learn);
  const { size } = model.carryLayout;
  const carry = floats(tensors.get('carry'), 'carry', [size]);
  const opened = floats(tensors.get('opened'), 'opened', [size]);
  for (const values of rested ? [opened] : [carry, opened])
    expect(values.every(Number.isFinite), 'a carry of finite numbers', 'others');
  const encoding = served.encoder === undefined ? undefined : served.encoder.restore(said.encoding);
  if (learner === undefined) return { said, carry, opened, encoding, stream: undefined, learner };
  const { marked, verdicts } = said.stream ?? {};
  const whole = typeof marked === 'boolean' && typeof verdicts === 'number';
  expect(whole, 'a snapshot with its stream', 'none');
  if (!learner.own) {
    const stream = readSharedStream(learner, tensors, said.stream!);
    checkState(learner.trainer, stream);
    checkSame(said, carry, stream);
    return { said, carry, opened, encoding, stream, learner };
  }
  const data = tensors.get('learner')?.data;
  expect(data !== undefined && isRecord(said.began), 'a snapshot with its learner', 'none');
  expect(data!.byteLength <= maxBytes, `a learner of at most ${maxBytes} bytes`, `${data!.byteLength}`);
  const { trainer, states } = await loadTrainer(data!.slice(), { maxWindowBytes: maxBytes });
  const same = configText(trainer.model.config) === configText(model.config);
  expect(same && states.has(''), 'a learner of this model', 'another');
  const weights: Weights = {};
  for (const [name, { length }] of Object.entries(trainer.model.weights())) {
    weights[name] = floats(tensors.get(`began.${name}`), `began.${name}`, [length]);
    expect(weights[name].every(Number.isFinite), `began.${name} to be finite numbers`, 'others');
  }
  checkCounters(trainer, said.began!);
  const stream = states.get('')!;
  checkSame(said, carry, stream);
  const own = takeUpLearner(trainer, learner, { weights, counters: said.began! }, maxBytes);
  return { said, carry, opened, encoding, stream, learner: own };
}

/** What is said of the session and of its stream is of one moment. */
function checkSame({ steps, streamStart }: SnapshotHead, carry: Float32Array, stream: StreamState): void {
  const numbers = steps === stream.steps && streamStart === (stream.began ?? 0);
  const shown = `${stream.steps}, begun after ${stream.began ?? 0}`;
  expect(numbers, `a stream of ${steps} steps, begun after ${streamStart}`, shown);
  expect(
    carry.every((value, i) => Object.is(value, stream.carry[i])),
    'the carry to be that of the stream',
    'another',
  );
}

function readSharedStream(
  { trainer }: SessionLearner,
  tensors: ReadonlyMap<string, Tensor>,
  { marked }: NonNullable<SnapshotHead['stream']>,
): StreamState {
  const [state, mark, next] = readStreams(trainer.model, tensors, marked ? 3 : 1);
  return { ...state, ...(marked ? { mark: { ...markOfState(mark), next: markOfState(next) } } : {}) };
}

/** What the guard did since is not in the mark of a stream that learns with others: then it is marked where it stands. */
function markedNow(state: StreamState, { own, verdicts }: SessionLearner, then: SnapshotHead['stream']): StreamState {
  if (own || then?.verdicts === verdicts()) return state;
  const { mark: _, ...unmarked } = state;
  return unmarked;
}

/** The stream goes on from what was read, in the place of what it was; frame numbers go on. */
export function putSnapshot(session: Session, { said, carry, opened, encoding, stream, learner }: Restored): void {
  const live = learner && stream && createStream(learner.trainer, markedNow(stream, learner, said.stream));
  session.carry.set(carry);
  session.opened = unlessZeros(opened);
  session.encoding = encoding;
  session.steps = said.steps;
  session.streamStart = said.streamStart;
  session.diverged = said.diverged;
  session.learner = learner;
  session.stream = live;
  if (learner !== undefined) followVerdicts(session, learner);
}

/** The model of a session that has one of its own and learns nothing. */
export function modelInSnapshot(bytes: Uint8Array): Uint8Array | undefined {
  const { tensors } = readSafetensors(bytes);
  return tensors.get('model')?.data ?? tensors.get('learner')?.data;
}

function parse(text: string | undefined): SnapshotHead {
  let said: SnapshotHead | null = null;
  try {
    said = JSON.parse(text ?? 'null');
  } catch {
    // Told below.
  }
  const counts = [said?.steps, said?.streamStart];
  const areCounts = counts.every(count => Number.isInteger(count) && count! >= 0 && count! <= mostSteps);
  const fits = said?.format === format && areCounts && typeof said.diverged === 'boolean';
  expect(fits, `a snapshot of format ${format}`, said === null ? 'no snapshot' : 'another');
  return said!;
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function expect(holds: boolean, expected: string, got: string): void {
  if (!holds) throw new CheckpointError(`Expected ${expected}, got ${got}`);
}
