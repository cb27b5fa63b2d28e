/** What sessions taught a served model, in a folder: found again at the next start, if the model's file is the same. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '../model/model.js';
import type { Keep, Serveable } from '../server/index.js';
import { writeWholeMeanwhile } from '../server/whole.js';
import { loadTrainer } from '../training/checkpoint.js';
import type { Trainer } from '../training/trainer.js';
import { named } from './checkpoint-file.js';

export interface Learned {
  /**
   * The model that was given for this file before, as long as anyone has it: its sessions go on teaching it. Else the learner that was kept
   * of it, or the model itself. `digest` tells its file from any other.
   */
  restore(
    name: string,
    model: Model,
    digest: string,
  ): Promise<{ readonly served: Serveable; readonly updates: number }>;
  readonly keep: Keep;
}

export function createLearned(folder: string): Learned {
  const places = new WeakMap<Model, string>();
  const given = new Map<string, WeakRef<Model>>();
  return {
    async restore(name, model, digest) {
      const path = join(folder, `${name}-${digest}.eddy`);
      const before = given.get(path)?.deref();
      if (before !== undefined) return { served: before, updates: 0 };
      const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      const trainer = bytes && (await load(path, bytes));
      const taught = trainer?.model ?? model;
      places.set(taught, path);
      given.set(path, new WeakRef(taught));
      return { served: trainer ?? model, updates: trainer?.count ?? 0 };
    },

    async keep({ model, bytes }) {
      const path = places.get(model);
      if (path === undefined) return;
      await mkdir(folder, { recursive: true });
      await writeWholeMeanwhile(path, bytes);
    },
  };
}

async function load(path: string, bytes: Uint8Array): Promise<Trainer> {
  try {
    return (await loadTrainer(bytes)).trainer;
  } catch (error) {
    throw named(path, error);
  }
}
