/** Files that are looked at again and again, for newer versions. */
import { type ModelFile, versionOf } from './model-files.js';

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
