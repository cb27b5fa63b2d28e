/** The models of saved sessions, in their file: these go on with theirs, whatever is served by then. */
import { loadModel, saveModel } from '../model/checkpoint.js';
import { type Tensor, tensorOf } from '../model/safetensors.js';
import { loadTrainer, saveTrainer } from '../training/checkpoint.js';
import type { Hub } from './hub.js';
import { fits, isTrainable, presentHash, type Served, serveModel } from './served.js';

export interface SavedVersion {
  readonly name: string;
  readonly hash: string;
  /** Further hashes that sessions know it by. */
  readonly former: readonly string[];
  /** Of the weights as they were saved. */
  readonly present: string;
  /** As in `Sharing`, when they were saved. */
  readonly verdicts: number;
  /** A newer one was served. */
  readonly retired: boolean;
  /** What its tensor holds; left out where it has none. */
  readonly holds?: 'model' | 'learner';
}

/** Hashes that are remembered of a version. */
const mostFormer = 100;

/** The name of its tensor. */
export const versionTensor = (place: number): string => `version.${place}`;

/**
 * Writes down the versions that are served, and those that saved sessions have: of these the weights, too, each once.
 *
 * @returns what is told of each, and the place in that of those that sessions have
 */
export function saveVersions(
  { models, retired, log }: Hub,
  needed: ReadonlySet<Served | undefined>,
  tensors: Map<string, Tensor>,
): { readonly versions: SavedVersion[]; readonly places: ReadonlyMap<Served, number> } {
  const current = new Set(models.values());
  const all = [...new Set([...retired, ...current])].filter(one => needed.has(one) || current.has(one));
  const versions = all.map((served, number): SavedVersion => {
    const { name, hash, former, verdicts } = served;
    const version = {
      name,
      hash,
      former: [...former].slice(-mostFormer),
      present: presentHash(served),
      verdicts,
      retired: !current.has(served),
    };
    if (!needed.has(served)) return version;
    try {
      const bytes = bytesOf(served);
      if (bytes === undefined) return version;
      tensors.set(versionTensor(number), tensorOf(bytes));
    } catch (error) {
      log.warn(
        { model: name, hash, error: (error as Error).message },
        'weights not saved with the sessions of a model',
      );
      return version;
    }
    return { ...version, holds: served.shared ? 'learner' : 'model' };
  });
  return { versions, places: new Map(all.map((served, number) => [served, number])) };
}

/** Undefined where the weights cannot be seen. */
function bytesOf({ model, shared }: Served): Uint8Array | undefined {
  if (shared !== undefined) return saveTrainer(shared, new Map());
  return isTrainable(model) ? saveModel(model) : undefined;
}

/** What is served is the one that was saved, where it has its weights: it knows the hashes and the verdicts that it had before. */
export function recallVersions({ models }: Hub, versions: readonly SavedVersion[]): void {
  for (const version of versions) {
    const served = models.get(version.name);
    if (served?.hash === version.present) recall(served, version);
  }
}

/**
 * What sessions of a saved version go on with: that model, where it is served, else the saved weights, which are served to no
 * new session. Undefined where there are none.
 *
 * @param read gives the saved weights, where there are some
 * @throws CheckpointError where they are no model
 */
export async function takeUpVersion(
  { models, retired, settings, log }: Hub,
  version: SavedVersion,
  read: () => Uint8Array | undefined,
): Promise<Served | undefined> {
  const { name, hash, present, holds } = version;
  const served = models.get(name);
  if (served !== undefined && served.hash === present) return served;
  // What it was taught since was not kept.
  if (served !== undefined && !version.retired && fits(served, hash)) {
    log.warn({ model: name, hash: present }, 'sessions go on with other weights than those that they were saved with');
    return served;
  }
  const bytes = holds && read();
  if (bytes === undefined) return undefined;
  const given =
    holds === 'learner'
      ? (await loadTrainer(bytes, { maxWindowBytes: settings.maxLearnerBytes })).trainer
      : await loadModel(bytes);
  const older = { ...serveModel(name, given), hash: present };
  recall(older, version);
  retired.add(older);
  return older;
}

function recall(served: Served, { hash, former, verdicts }: SavedVersion): void {
  for (const one of [...former, hash]) if (one !== served.hash) served.former.add(one);
  served.verdicts = verdicts;
}
