/** Checkpoints that are served under the names of their files, and taken up anew when a file changes. */
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { ConfigError } from '../errors.js';
import { modelOf } from '../model/checkpoint.js';
import type { Model } from '../model/model.js';
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

/** A model, and what tells its file from any other. */
export async function readModel(path: string): Promise<{ readonly model: Model; readonly digest: string }> {
  const { bytes, checkpoint } = await readCheckpointFile(path);
  return { model: await modelOf(checkpoint), digest: createHash('sha256').update(bytes).digest('hex').slice(0, 12) };
}

export interface Watch {
  /** Looks once. */
  look(): Promise<void>;
}

/**
 * Looks for files that are new, that have changed and are the same at two looks in a row (so that none is read while it is
 * written), or that are gone. A name that several files have stays as it is until they are one.
 *
 * @param find the files at present
 * @param changed told of a new version, or with undefined that there is none any more
 * @param several told once where a name has come to mean several files
 * @param failed told once of a reason why files cannot be looked for: all stay as they are
 */
export function watchModels(
  find: () => Promise<ReadonlyMap<string, ModelFile>>,
  served: ReadonlyMap<string, ModelFile>,
  changed: (name: string, file: ModelFile | undefined) => Promise<void>,
  several: (name: string, paths: readonly string[]) => void,
  failed: (error: unknown) => void,
): Watch {
  const taken = new Map(Array.from(served, ([name, { version }]) => [name, version]));
  let before: ReadonlyMap<string, ModelFile> = served;
  let reason: string | undefined;
  const take = async (now: ReadonlyMap<string, ModelFile>): Promise<void> => {
    for (const [name, file] of now) {
      if (file.others) {
        if (!before.get(name)?.others) several(name, [file.path, ...file.others]);
        continue;
      }
      if (taken.get(name) === file.version || before.get(name)?.version !== file.version) continue;
      // A file that cannot be read is told once, and tried again when it changes.
      taken.set(name, file.version);
      await changed(name, file);
    }
    for (const name of [...taken.keys()]) {
      if (now.has(name) || before.has(name)) continue;
      taken.delete(name);
      await changed(name, undefined);
    }
    before = now;
  };
  return {
    async look() {
      try {
        await take(await find());
        reason = undefined;
      } catch (error) {
        if (String(error) !== reason) failed(error);
        reason = String(error);
      }
    },
  };
}

/**
 * Looks for newer versions of files that belong together. Where one of them is gone, or they cannot be taken up, the older ones stay.
 *
 * @param take takes up what is in them
 * @param failed told once why it could not
 */
export async function watchFiles(
  paths: readonly string[],
  take: () => Promise<void>,
  failed: (error: unknown) => void,
): Promise<Watch> {
  const find = async (): Promise<ReadonlyMap<string, ModelFile>> => {
    const versions = await Promise.all(paths.map(path => versionOf(path, true)));
    const all = { name: 'files', path: paths[0], version: versions.join(' ') };
    return new Map(versions.includes(undefined) ? [] : [[all.name, all]]);
  };
  const changed = async (_: string, found: ModelFile | undefined): Promise<void> => {
    if (found !== undefined) await take().catch(failed);
  };
  return watchModels(find, await find(), changed, () => {}, failed);
}
