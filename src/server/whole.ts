/** Files that are written whole or not at all. */
import {
  closeSync,
  fchmodSync,
  fsync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFile,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '../errors.js';

/**
 * Writes a file beside the one that is meant first, then in its place, so that a crash leaves the old one. Links stay, and so does who may
 * read it.
 *
 * @throws ConfigError where there is something else than a file
 */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const fresh = openBeside(path);
  try {
    writeFileSync(fresh.file, bytes);
    fsyncSync(fresh.file);
    fresh.put();
  } catch (error) {
    throw Object.assign(error as Error, { path });
  } finally {
    fresh.close();
  }
}

/**
 * Likewise; others are served meanwhile.
 *
 * @param mode of a file that is new
 */
export async function writeWholeMeanwhile(path: string, bytes: Uint8Array, mode?: number): Promise<void> {
  const fresh = openBeside(path, mode);
  try {
    await promisify(writeFile)(fresh.file, bytes);
    await promisify(fsync)(fresh.file);
    fresh.put();
  } catch (error) {
    throw Object.assign(error as Error, { path });
  } finally {
    fresh.close();
  }
}

/** Where a path leads at the end of all links, also where nothing is there yet. */
export function targetOf(path: string): string {
  const place = realPath(path);
  if (place !== undefined) return place;
  const folder = realPath(dirname(path));
  if (folder === undefined) return resolve(path);
  const own = join(folder, basename(path));
  return lstatSync(own, { throwIfNoEntry: false })?.isSymbolicLink()
    ? targetOf(resolve(folder, readlinkSync(own)))
    : own;
}

/**
 * What is at the end of a path now; undefined where nothing is.
 *
 * @param name of the path in a message
 * @throws ConfigError where it is no file
 */
export function fileAt(path: string, name: string): Stats | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found && !found.isFile())
    throw new ConfigError(`Expected ${name} to be a file, got the ${kindOf(found)} ${path}`);
  return found;
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'folder';
  return found.isFIFO() ? 'pipe' : found.isSocket() ? 'socket' : 'device';
}

function openBeside(path: string, mode?: number): { readonly file: number; put(): void; close(): void } {
  const target = targetOf(path);
  const old = fileAt(target, 'the place to write');
  removeLeftOver(target);
  const beside = `${target}.${process.pid}.tmp`;
  rmSync(beside, { force: true });
  const file = openSync(beside, 'wx', old ? old.mode & 0o777 : mode);
  let open = true;
  const close = (): void => {
    if (open) closeSync(file);
    open = false;
    rmSync(beside, { force: true });
  };
  try {
    if (old) fchmodSync(file, old.mode & 0o777);
  } catch (error) {
    close();
    throw error;
  }
  return {
    file,
    put() {
      open = false;
      closeSync(file);
      renameSync(beside, target);
    },
    close,
  };
}

/** What lies beside a file from runs that were killed while they wrote. */
function removeLeftOver(target: string): void {
  const folder = dirname(target);
  const [before, after] = [`${basename(target)}.`, '.tmp'];
  for (const name of namesIn(folder)) {
    const number = name.slice(before.length, -after.length);
    const isOne = name.startsWith(before) && name.endsWith(after) && /^\d+$/.test(number);
    if (isOne && !runs(Number(number))) rmSync(join(folder, name), { force: true });
  }
}

/** None where they may not be seen. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return [];
    throw error;
  }
}

/** Whether a process of this number runs on this machine. */
export function runs(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Undefined where nothing is. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
