/** The place of a file of sessions: that it can be written there, whole or not at all, and in nobody's stead. */
import { access, constants, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ServeError } from '../errors.js';

/** Finds out at the start, and not when the sessions of months have no place. */
export async function checkPlace(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK);
  } catch (cause) {
    const message = `Expected a folder for the sessions file that is there and can be written, got ${dirname(path)}`;
    throw new ServeError(`${message} (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}

export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
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

/** The first of `path`, `path.2`, `path.3` and so on where there is nothing. */
export async function freePlace(path: string): Promise<string> {
  for (let number = 1; ; number++) {
    const place = number === 1 ? path : `${path}.${number}`;
    try {
      await access(place);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return place;
      throw error;
    }
  }
}
