/** A whole session as bytes: its stream, and what its client and it have said to each other that counts. */
import { CheckpointError } from '../errors.js';
import { loadModel } from '../model/checkpoint.js';
import { readSafetensors, tensorOf, writeSafetensors } from '../model/safetensors.js';
import { encodeServer, type Learning, type Predictions } from '../wire/messages.js';
import type { Grant } from './grant.js';
import type { Hub } from './hub.js';
import { decodeSaid, drop, takeKept } from './kept.js';
import { learnerFor } from './open.js';
import type { SavedName } from './register.js';
import { endedModel, type Served, type Shape, serveModel } from './served.js';
import { createSession, type Outlet, type Session } from './session.js';
import { modelInSnapshot, putSnapshot, readSnapshot, takeSnapshot } from './snapshot.js';

const key = 'eddy.session';

interface SavedSession extends SavedName {
  readonly learn: Session['learn'];
  readonly learning?: Learning;
  readonly want: Session['want'];
  readonly credit: number;
  readonly nextSeq: number;
  readonly taken: number;
  readonly steps: number;
  readonly resets: Session['resets'];
  readonly finishing: boolean;
  readonly ended: boolean;
  /** Of a session that has ended: its model may be gone. */
  readonly shape?: Shape;
  readonly acked: number;
  readonly answered: number;
  readonly beside: number;
  /** Bytes of each kept message; the entry that waits for the next step, if there is one, is the last. */
  readonly lengths: readonly number[];
  readonly held: boolean;
  /** JSON has no infinity: a loss that is none of its numbers is text. */
  readonly totals: Omit<Session['totals'], 'loss'> & { readonly loss: number | string };
}

/** Nothing waits in the session. */
export function saveSession(session: Session, name: string): Uint8Array<ArrayBuffer> {
  const { token, nonce, grant, own, served, learn, learner, want, credit, kept, held, totals } = session;
  const { nextSeq, taken, steps, resets, finishing, ended } = session;
  const messages = kept?.messages.map(({ bytes }) => bytes) ?? [];
  if (held) {
    const last: Predictions = { type: 'predictions', session: 1, firstSeq: held.seq, entries: [held.entry] };
    messages.push(encodeServer(last, 'eddy.v1.proto') as Uint8Array<ArrayBuffer>);
  }
  const saved: SavedSession = {
    name,
    token,
    nonce,
    owner: grant.name,
    own,
    modelHash: served.hash,
    model: served.name,
    learn,
    ...(learner === undefined ? {} : { learning: learner.learning }),
    want,
    credit,
    nextSeq,
    taken,
    steps,
    resets,
    finishing,
    ended,
    ...(ended ? { shape: { config: served.model.config, carryLayout: served.model.carryLayout } } : {}),
    acked: kept?.acked ?? 0,
    answered: kept?.answered ?? 0,
    beside: kept?.beside ?? 0,
    lengths: messages.map(({ length }) => length),
    held: held !== undefined,
    totals: { ...totals, loss: Number.isFinite(totals.loss) ? totals.loss : String(totals.loss) },
  };
  const tensors = new Map([['messages', tensorOf(Buffer.concat(messages))]]);
  if (!ended) tensors.set('snapshot', tensorOf(takeSnapshot(session)));
  return writeSafetensors(tensors, { [key]: JSON.stringify(saved) });
}

/** Whose session the bytes hold. Throws `CheckpointError` if none. */
export function nameOf(bytes: Uint8Array): SavedName {
  return parse(readSafetensors(bytes).metadata[key]);
}

/**
 * The session that was saved, at an outlet.
 *
 * @param model what it goes on with; undefined where it has a network of its own, or has ended
 * @throws CheckpointError if it does not fit that
 */
export async function loadSession(
  bytes: Uint8Array,
  model: Served | undefined,
  hub: Hub,
  outlet: Outlet,
  grant: Grant,
): Promise<Session> {
  const { settings, counts, histograms, share } = hub;
  const { metadata, tensors } = readSafetensors(bytes);
  const saved = parse(metadata[key]);
  const { token, nonce, own, learn, learning, want, credit, ended } = saved;
  const snapshot = tensors.get('snapshot')?.data.slice();
  const served = model ?? (await ownModel(saved, snapshot));
  const asked = { learn, learning: withInfinity(learning), fresh: saved.model === '' };
  const learner = ended || learn === 'none' ? undefined : await learnerFor(asked, served, settings);
  const carry = new Float32Array(served.model.carryLayout.size);
  const session = createSession({
    number: 1,
    outlet,
    counts,
    histograms,
    share,
    grant,
    token,
    nonce,
    served,
    learn,
    want,
    credit,
    own,
    learner,
    carry,
  });
  try {
    if (!ended) {
      if (snapshot === undefined) throw new CheckpointError('Expected a session with a snapshot, got none');
      putSnapshot(session, await readSnapshot(session, snapshot, settings.maxLearnerBytes, true));
    }
    const { nextSeq, taken, steps, resets, finishing, totals, acked, answered, beside, lengths, held } = saved;
    Object.assign(session, { nextSeq, taken, steps, resets, finishing, ended });
    Object.assign(session.totals, totals, { loss: Number(totals.loss) });
    const messages = parts(tensors.get('messages')!.data, lengths);
    if (held) {
      const { firstSeq, entries } = decodeSaid(messages.pop()!) as Predictions;
      session.held = { seq: firstSeq, entry: entries[0] };
    }
    takeKept(session, messages, { acked, answered, beside });
  } catch (error) {
    learner?.leave();
    drop(session);
    throw error;
  }
  served.sessions++;
  return session;
}

async function ownModel(saved: SavedSession, snapshot: Uint8Array | undefined): Promise<Served> {
  const { model: name, modelHash, shape } = saved;
  if (shape !== undefined) return endedModel(name, modelHash, shape);
  const bytes = snapshot && modelInSnapshot(snapshot);
  if (bytes === undefined) throw new CheckpointError('Expected a session with a network of its own, got none');
  return { ...serveModel('', await loadModel(bytes.slice())), hash: modelHash };
}

function parts(bytes: Uint8Array, lengths: readonly number[]): Uint8Array<ArrayBuffer>[] {
  let at = 0;
  return lengths.map(length => {
    at += length;
    return bytes.slice(at - length, at);
  });
}

function parse(text: string | undefined): SavedSession {
  try {
    return JSON.parse(text!);
  } catch (cause) {
    throw new CheckpointError('Expected a session, got a file of something else', { cause });
  }
}

/** JSON has no infinity, and says null; a bound that is left out is none. */
function withInfinity(learning: Learning | undefined): Learning | undefined {
  return learning && { maxGradientNorm: Number.POSITIVE_INFINITY, ...(bounded(learning) as Learning) };
}

function bounded(value: unknown): unknown {
  if (value === null) return Number.POSITIVE_INFINITY;
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, bounded(one)]));
}
