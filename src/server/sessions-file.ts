/** The resumable sessions of a server that ends, in a file which the next start takes up. */
import { readFile, rename, unlink } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { CheckpointError, EddyError, ServeError } from '../errors.js';
import { readSafetensors, type Safetensors, type Tensor, tensorOf, writeSafetensors } from '../model/safetensors.js';
import { countOne } from './counts.js';
import type { Hub } from './hub.js';
import { evictResting, modelOf, toldNobody } from './life.js';
import type { Log } from './log.js';
import { checkPlace, freePlace } from './place.js';
import type { EvictionReason, SavedName } from './register.js';
import { nameOf, saveSession } from './saved.js';
import { recallVersions, type SavedVersion, saveVersions, takeUpVersion, versionTensor } from './saved-versions.js';
import type { Served } from './served.js';
import { tidyVersions } from './versions.js';
import { fileAt, targetOf, writeWholeMeanwhile } from './whole.js';

const key = 'eddy.sessions';
/** The CRC-32 of what is under the other key. */
const sumKey = 'eddy.sessions.sum';

/** Of a file that has what clients said, and the tokens of their sessions. */
const ownerAlone = 0o600;

/** The newest that is read, and the one that is written. */
const newestFormat = 2;

/** What the file says beside sessions and models. */
interface FileHead {
  readonly format: number;
  readonly versions: readonly SavedVersion[];
  /** The place of each session's version among these; −1 where it needs none. */
  readonly of: readonly number[];
  /** The CRC-32 of each tensor's bytes by its name; older files say none. */
  readonly sums?: Readonly<Record<string, number>>;
}

/** Of the tensor of a session, before its number. */
const prefix = 'session.';

/**
 * Answers what waits in them, and writes them down with the models that they have; none is here after. The file is there
 * whole, or not at all. A session that cannot be saved is told, and holds up no other.
 *
 * @returns how many
 * @throws ServeError if they could not be written: then they are lost
 */
export async function saveSessions(hub: Hub, path: string): Promise<number> {
  const { register, batcher, store, log } = hub;
  const tensors = new Map<string, Tensor>();
  const models: (Served | undefined)[] = [];
  const lost = new Map<string, number>();
  const add = async (served: Served | undefined, bytes: () => Uint8Array | Promise<Uint8Array>): Promise<void> => {
    try {
      tensors.set(`${prefix}${models.length}`, tensorOf(await bytes()));
      models.push(served);
    } catch (error) {
      countOne(lost, (error as Error).message);
    }
  };
  for (const resting of [...register.resting()]) await resting.waking;
  for (const session of register.all()) {
    session.leaving = true;
    batcher.add(session);
  }
  // One that waits for what it reads would be saved in the middle of it.
  const reads = (): boolean => [...register.all()].some(({ paused }) => paused);
  while (batcher.run() || reads()) await new Promise(resolve => setImmediate(resolve));
  for (const session of register.all()) {
    await add(modelOf(session), () => saveSession(session, session.token));
  }
  for (const { name, token, served, stored } of [...register.resting()]) {
    if (token === '') continue;
    await add(served, async () => {
      await stored.catch(() => {});
      const bytes = await store.take(name);
      if (bytes === undefined) throw new ServeError('Expected a session that rests, got none');
      return bytes;
    });
  }
  const { versions, places } = saveVersions(hub, new Set(models), tensors);
  const said: FileHead = {
    format: newestFormat,
    versions,
    of: models.map(served => (served ? places.get(served)! : -1)),
    sums: Object.fromEntries([...tensors].map(([name, { data }]) => [name, crc32(data)])),
  };
  const head = JSON.stringify(said);
  const file = writeSafetensors(tensors, { [key]: head, [sumKey]: String(crc32(head)) });
  try {
    await putAside(path, log);
    await writeWholeMeanwhile(path, file, ownerAlone);
  } catch (cause) {
    const message = `Expected ${models.length} sessions to be saved in ${path}, got ${(cause as Error).message}: they are lost`;
    throw new ServeError(message, { cause });
  }
  for (const [reason, sessions] of lost) log.warn({ sessions, reason }, 'sessions not saved');
  return models.length;
}

/** The file was taken up at the start: one that is there again is of another server, whose sessions are in it alone. */
async function putAside(path: string, log: Log): Promise<void> {
  const target = targetOf(path);
  if (fileAt(target, 'the sessions file') === undefined) return;
  const file = await freePlace(`${target}.not-taken-up`);
  await rename(target, file);
  log.warn({ file }, 'sessions that another server has saved are kept');
}

/** Of a sessions file that was read. */
export interface TakenUp {
  /** How many are here. */
  readonly sessions: number;
  /** A file of the others; undefined where there are none. */
  readonly left: Uint8Array | undefined;
}

/**
 * Takes up the sessions of a file, if it is there; the file stays until it is forgotten. Each goes on with the model that it
 * had, as it was. Those that cannot are told of here, and each client that asks for one.
 *
 * @throws CheckpointError if it is no such file; ServeError if none could be written there at the end
 */
export async function takeUpSessions(hub: Hub, path: string): Promise<TakenUp | undefined> {
  const { register, counts, settings, log } = hub;
  await checkPlace(path);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { metadata, tensors, said } = readSaved(path, bytes);
  const servedFor = finder(hub, said, tensors);
  const names = new Map<string, SavedName>();
  const left = new Map<string, Tensor>();
  const lost = new Map<string, number>();
  for (const [name, tensor] of tensors) {
    if (!name.startsWith(prefix)) {
      left.set(name, tensor);
      continue;
    }
    try {
      const saved = nameOf(tensor.data);
      names.set(name, saved);
      checkSum(said, name, tensor);
      await takeUp(hub, saved, await servedFor(saved, Number(name.slice(prefix.length))), tensor.data);
    } catch (error) {
      if (!(error instanceof EddyError)) settings.onError(error);
      const saved = names.get(name);
      if (saved) register.bury(saved, 'failed');
      names.delete(name);
      left.set(name, tensor);
      countOne(counts.evictions, 'failed');
      countOne(lost, (error as Error).message);
    }
  }
  tidyVersions(hub, () => false);
  let sessions = 0;
  for (const [name, { token, owner }] of names) {
    if (register.findResting(token, '', owner) !== undefined) {
      sessions++;
    } else {
      left.set(name, tensors.get(name)!);
      // Of very many, only of the last ones it is known.
      countOne(lost, register.buried(token, owner) ?? ('room' satisfies EvictionReason));
    }
  }
  for (const [reason, sessions] of lost) log.warn({ sessions, reason }, 'sessions not taken up');
  return { sessions, left: lost.size > 0 ? writeSafetensors(left, metadata) : undefined };
}

/** What is read is removed after: no file of another kind may pass. */
function readSaved(path: string, bytes: Uint8Array): Safetensors & { readonly said: FileHead } {
  const expected = `Expected ${path} to be a file of sessions`;
  let file: Safetensors;
  let head: unknown;
  try {
    file = readSafetensors(bytes);
    head = JSON.parse(file.metadata[key]);
  } catch (cause) {
    throw new CheckpointError(`${expected}, got a file of something else`, { cause });
  }
  const { [key]: text, [sumKey]: sum } = file.metadata;
  const said = sum === undefined || sum === String(crc32(text)) ? headOf(head) : undefined;
  if (said === undefined) throw new CheckpointError(`${expected}, got one whose head is damaged`);
  if (said.format > newestFormat)
    throw new CheckpointError(
      `${expected} of a format up to ${newestFormat}, got ${said.format}: a newer eddy has saved it`,
    );
  return { ...file, said };
}

/** Undefined where it cannot be one; an older format said less. */
function headOf(read: unknown): FileHead | undefined {
  if (typeof read !== 'object' || read === null) return undefined;
  const head = { format: 0, versions: [], of: [], ...read } as FileHead;
  const { format, versions, of } = head;
  const isHead =
    Number.isInteger(format) &&
    Array.isArray(versions) &&
    versions.every(version => typeof version?.name === 'string' && Array.isArray(version.former)) &&
    Array.isArray(of) &&
    of.every(Number.isInteger);
  return isHead ? head : undefined;
}

/** Throws `CheckpointError` if these are not the bytes that were saved. */
function checkSum({ sums }: FileHead, name: string, { data }: Tensor): void {
  if (sums !== undefined && crc32(data) !== sums[name])
    throw new CheckpointError('Expected what was saved, got other bytes: the file is damaged');
}

/** A session of a file comes to rest here. */
async function takeUp(hub: Hub, saved: SavedName, served: Served | undefined, bytes: Uint8Array): Promise<void> {
  const { register, store } = hub;
  const { name, token, nonce, owner, own, model, modelHash } = saved;
  const given = await store.put(name, bytes.slice());
  const there = { served, since: hub.now(), stored: Promise.resolve(), ...toldNobody };
  register.rest({ name, token, nonce, owner, own, model, modelHash, ...there });
  for (const other of given) evictResting(hub, other, 'room');
}

/** Finds what a session of the file goes on with, by the session's number; each version is read once. */
function finder(
  hub: Hub,
  said: FileHead,
  tensors: Safetensors['tensors'],
): (saved: SavedName, number: number) => Promise<Served | undefined> {
  const { versions, of } = said;
  recallVersions(hub, versions);
  const found = new Map<number, Promise<Served | undefined>>();
  const weightsOf = (place: number): Uint8Array | undefined => {
    const name = versionTensor(place);
    const tensor = tensors.get(name);
    if (tensor !== undefined) checkSum(said, name, tensor);
    return tensor?.data.slice();
  };
  return async ({ model, modelHash }, number) => {
    const place = of[number];
    if (place === -1) return undefined;
    if (versions[place] !== undefined && !found.has(place))
      found.set(
        place,
        takeUpVersion(hub, versions[place], () => weightsOf(place)),
      );
    const served = await found.get(place);
    if (served !== undefined) return served;
    const version = `${model} (${modelHash.slice(0, 12)})`;
    throw new CheckpointError(
      `Expected a session of a model that is served or was saved with it, got one of ${version}`,
    );
  };
}

/**
 * The sessions are here, and the server is: nobody is to take them up twice. Those that were not taken up have a file of
 * their own from now on.
 */
export async function forgetSessions({ left }: TakenUp, path: string, { settings, log }: Hub): Promise<void> {
  const target = targetOf(path);
  if (left !== undefined) {
    try {
      const file = await freePlace(`${path}.not-taken-up`);
      try {
        await writeWholeMeanwhile(file, left, ownerAlone);
      } catch {
        // Without room for a second file: the first has them, beside others.
        await rename(target, file);
      }
      log.warn({ file }, 'sessions that were not taken up are kept');
    } catch (cause) {
      const message = `Expected a file beside ${path} for the sessions that were not taken up, got ${(cause as Error).message}: they are lost`;
      settings.onError(new ServeError(message, { cause }));
    }
  }
  // Not `rm`, which takes a file that it may not remove for a folder.
  await unlink(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
