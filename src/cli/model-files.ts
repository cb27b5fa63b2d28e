/** Checkpoints that are served under the names of their files, and taken up anew when a file changes. */
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { ConfigError } from '../errors.js';
import { modelOf } from '../model/checkpoint.js';
import type { Model } from '../model/model.js';
import { fileAt } from '../server/whole.js';
import { readCheckpointFile } from './checkpoint-file.js';

/** In a folder these are checkpoints. */
export const endings: ReadonlySet<string> = new Set(['.eddy', '.safetensors']);

export interface ModelFile {
  readonly name: string;
  readonly path: string;
  /** Changes when the file does. */
  readonly version: string;
  /** Where others of the same name lie: which of them is meant, nobody knows. */
  readonly others?: readonly string[];
}

/**
 * The checkpoints at these paths; of a folder, those directly in it.
 *
 * @param again a path at which there is nothing is passed over, a file that cannot be looked at is there, and files of one name are told as
 * `others`
 * @throws ConfigError if two have one name, the first time
 */
export async function findModels(paths: readonly string[], again = false): Promise<ReadonlyMap<string, ModelFile>> {
  const found = new Map<string, ModelFile>();
  for (const path of await filesOf(paths, again)) {
    const name = basename(path, extname(path));
    const same = found.get(name);
    if (same && !again) throw new ConfigError(`Expected checkpoints of different names, got ${name} twice`);
    const version = await versionOf(path, again);
    if (version === undefined) continue;
    if (same) {
      found.set(name, { ...same, others: [...(same.others ?? []), path] });
      continue;
    }
    found.set(name, { name, path, version });
  }
  return found;
}

/**
 * Changes when the file does; undefined where there is nothing.
 *
 * @param again what cannot be looked at has a version, too
 */
export async function versionOf(path: string, again: boolean): Promise<string | undefined> {
  try {
    const file = await look(path, again);
    return file && `${file.mtimeMs} ${file.size} ${file.ino}`;
  } catch (error) {
    // As that of a link which leads to itself: to read it will fail as well, and be told of this file alone.
    const { code } = error as NodeJS.ErrnoException;
    if (!again || code === undefined) throw error;
    return code;
  }
}

async function filesOf(paths: readonly string[], mayBeGone: boolean): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const file = await look(path, mayBeGone);
    if (file === undefined) continue;
    if (!file.isDirectory()) files.push(path);
    else for (const name of (await readdir(path)).sort()) if (endings.has(extname(name))) files.push(join(path, name));
  }
  return files;
}

async function look(path: string, mayBeGone: boolean): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (mayBeGone && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * A model, and what tells its file from any other.
 *
 * @param named paths that somebody named: one of them may be a pipe
 * @throws ConfigError for a pipe or a device that lies in a folder: nobody knows whether what comes out of it ends
 */
export async function readModel(
  path: string,
  named: readonly string[],
): Promise<{ readonly model: Model; readonly digest: string }> {
  if (!named.includes(path)) fileAt(path, 'each checkpoint of a folder');
  const { bytes, checkpoint } = await readCheckpointFile(path);
  return { model: await modelOf(checkpoint), digest: createHash('sha256').update(bytes).digest('hex').slice(0, 12) };
}
