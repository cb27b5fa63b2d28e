/** The resumable sessions of a server that ends, in a file which the next start takes up. */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { readSafetensors, type Tensor, tensorOf, writeSafetensors } from '../model/safetensors.js';
import type { Hub } from './hub.js';
import { nameOf, saveSession } from './saved.js';
import { presentHash } from './served.js';

const key = 'eddy.sessions';

/**
 * Answers what waits in them, and writes them down; none is here after. The file is there whole, or not at all.
 *
 * @returns how many
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
  const fresh = `${path}.${process.pid}`;
  const handle = await open(fresh, 'w', 0o600);
  try {
    await handle.writeFile(file);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, path);
  return tensors.size;
}

/**
 * Takes up the sessions of a file, if it is there, and removes it: nobody is to take them up twice. One of a model that is not
 * served any more will be told so when its client asks for it.
 *
 * @returns how many
 * @throws CheckpointError if it is no such file
 */
export async function takeUpSessions(hub: Hub, path: string): Promise<number> {
  const { register, store, models } = hub;
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
    const saved = nameOf(data);
    const stored = store.put(saved.name, data.slice()).then(() => {});
    const { name, token, nonce, owner, own, modelHash } = saved;
    register.rest({ name, token, nonce, owner, own, modelHash, since: hub.now(), stored, gone() {} });
    await stored;
  }
  await rm(path);
  return tensors.size;
}
