/** The resumable sessions of a server that ends, in a file which the next start takes up. */
import { access, constants, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ServeError } from '../errors.js';
import { readSafetensors, type Tensor, tensorOf, writeSafetensors } from '../model/safetensors.js';
import type { Hub } from './hub.js';
import { evictResting, toldNobody } from './life.js';
import { nameOf, saveSession } from './saved.js';
import { presentHash } from './served.js';

const key = 'eddy.sessions';

/**
 * Answers what waits in them, and writes them down; none is here after. The file is there whole, or not at all.
 *
 * @returns how many
 * @throws ServeError if they could not be written: then they are lost
 */
export async function saveSessions(hub: Hub, path: string): Promise<number> {
  const { register, batcher, store, models } = hub;
  const tensors = new Map<string, Tensor>();
  const add = (bytes: Uint8Array): unknown => tensors.set(`session.${tensors.size}`, tensorOf(bytes));
  for (const session of register.all()) {
    session.leaving = true;
    batcher.add(session);
  }
  while (batcher.run()) await new Promise(resolve => setImmediate(resolve));
  for (const session of register.all()) {
    // One that waits for what it reads would be saved in the middle of it.
    if (session.queue.length === 0 && !session.paused) add(saveSession(session, session.token));
  }
  for (const resting of [...register.resting()]) {
    await resting.stored.catch(() => {});
    const bytes = resting.token === '' ? undefined : await store.take(resting.name);
    if (bytes !== undefined) add(bytes);
  }
  const hashes = [...models.values()].map(served => [served.hash, presentHash(served)]);
  const file = writeSafetensors(tensors, { [key]: JSON.stringify({ format: 1, hashes }) });
  try {
    await writeWhole(path, file);
  } catch (cause) {
    const message = `Expected ${tensors.size} sessions to be saved in ${path}, got ${(cause as Error).message}: they are lost`;
    throw new ServeError(message, { cause });
  }
  return tensors.size;
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.${process.pid}`;
  try {
    const handle = await open(fresh, 'w', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

/**
 * Takes up the sessions of a file, if it is there; the file stays until it is forgotten. One of a model that is not served any
 * more will be told so when its client asks for it.
 *
 * @returns how many
 * @throws CheckpointError if it is no such file; ServeError if none could be written there at the end
 */
export async function takeUpSessions(hub: Hub, path: string): Promise<number> {
  const { register, store, models } = hub;
  await checkPlace(path);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  const { metadata, tensors } = readSafetensors(bytes);
  const { hashes } = JSON.parse(metadata[key] ?? '{"hashes":[]}') as { hashes: readonly (readonly [string, string])[] };
  for (const served of models.values()) {
    for (const [former, then] of hashes) if (then === served.hash) served.former.add(former);
  }
  for (const { data } of tensors.values()) {
    const { name, token, nonce, owner, own, modelHash } = nameOf(data);
    const put = store.put(name, data.slice());
    const stored = put.then(() => {});
    register.rest({ name, token, nonce, owner, own, modelHash, since: hub.now(), stored, ...toldNobody });
    for (const other of await put) evictResting(hub, other, 'room');
  }
  return tensors.size;
}

/** The sessions are here, and the server is: nobody is to take them up twice. */
export async function forgetSessions(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** Finds out at the start, and not when the sessions of months have no place. */
async function checkPlace(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK);
  } catch (cause) {
    const message = `Expected a folder for the sessions file that is there and can be written, got ${dirname(path)}`;
    throw new ServeError(`${message} (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}
