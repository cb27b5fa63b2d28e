/** What sessions taught a model that moves for everyone, kept: on a schedule, and at the end. */
import { ServeError } from '../errors.js';
import type { Model } from '../model/model.js';
import { saveTrainer } from '../training/checkpoint.js';
import type { Log } from './log.js';
import type { Served } from './served.js';

/** A learner as `loadTrainer` reads it, and the served model that it moves. */
export interface Kept {
  readonly name: string;
  readonly model: Model;
  readonly bytes: Uint8Array;
}

/** Rejects if it could not: told, and tried again when it is due again. */
export type Keep = (kept: Kept) => Promise<void>;

export interface Keeper {
  /** Keeps what has moved since it was last kept. */
  run(): Promise<void>;
  /** It has moved since it was last kept. */
  owes(served: Served): boolean;
  /** Keeps a last time. Rejects with `ServeError` if something could not be kept, which has been told by then. */
  close(): Promise<void>;
}

export interface KeeperOptions {
  readonly keep: Keep | undefined;
  readonly keepEvery: number;
  readonly log: Log;
  readonly onError: (error: unknown) => void;
}

/**
 * @param retired older versions that sessions may still learn; those that are there already came with their sessions, and go
 * with them
 */
export function createKeeper(
  models: ReadonlyMap<string, Served>,
  retired: ReadonlySet<Served>,
  { keep, keepEvery, log, onError }: KeeperOptions,
  repeat = every,
): Keeper {
  if (keep === undefined) return { run: async () => {}, owes: () => false, close: async () => {} };
  /** Updates that are kept. */
  const kept = new WeakMap<Served, number>();
  for (const served of models.values()) if (served.shared) kept.set(served, served.shared.count);
  const withSessions = new WeakSet(retired);
  let last: Promise<void> = Promise.resolve();
  const owes = (served: Served): boolean =>
    served.shared !== undefined && !withSessions.has(served) && served.shared.count !== (kept.get(served) ?? 0);

  const keepAll = async (): Promise<void> => {
    for (const served of [...models.values(), ...retired]) {
      const { name, hash, shared } = served;
      if (shared !== undefined && owes(served)) {
        const { count } = shared;
        try {
          await keep({ name, model: served.model, bytes: saveTrainer(shared, new Map()) });
          kept.set(served, count);
          log.info({ model: name, hash, updates: count }, 'learner kept');
        } catch (error) {
          onError(error);
          log.error({ model: name, hash, error: String(error) }, 'learner not kept');
        }
      }
    }
  };
  // One after the other: the newer bytes must not be overtaken by older ones.
  const run = (): Promise<void> => {
    last = last.then(keepAll);
    return last;
  };
  const stop = repeat(() => void run(), keepEvery);

  return {
    run,
    owes,
    async close() {
      stop();
      await run();
      const lost = [...models.values(), ...retired].filter(owes).map(({ name }) => name);
      if (lost.length === 0) return;
      throw new ServeError(`Expected what sessions taught ${lost.join(', ')} to be kept, it was not: it is lost`);
    },
  };
}

function every(work: () => void, milliseconds: number): () => void {
  const timer = setInterval(work, milliseconds);
  timer.unref();
  return () => clearInterval(timer);
}
