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
  /** The learner that was kept of this model, or the model itself. `digest` tells its file from any other. */
  restore(
    name: string,
    model: Model,
    digest: string,
  ): Promise<{ readonly served: Serveable; readonly updates: number }>;
  readonly keep: Keep;
}

export function createLearned(folder: string): Learned {
  const places = new WeakMap<Model, string>();
  return {
    async restore(name, model, digest) {
      const path = join(folder, `${name}-${digest}.eddy`);
      const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      const trainer = bytes && (await load(path, bytes));
      places.set(trainer?.model ?? model, path);
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
