import { LimitError } from '../errors.js';
import type { Kernels } from './kernels.js';
import { createArena } from './memory.js';
import { moduleBase64 } from './module.generated.js';
import { createReference } from './reference.js';

type Functions = Omit<Kernels, 'name' | 'arena'> & { memory: WebAssembly.Memory; arenaBase(): number };

const pageBytes = 65536;

let compiled: Promise<WebAssembly.Module | null> | undefined;

/** The inlined module, compiled once; null where SIMD or WebAssembly is missing or not allowed. */
function compile(): Promise<WebAssembly.Module | null> {
  compiled ??= (async () => {
    try {
      const text = atob(moduleBase64);
      const bytes = Uint8Array.from(text, character => character.charCodeAt(0));
      return await WebAssembly.compile(bytes);
    } catch {
      return null;
    }
  })();
  return compiled;
}

/** @throws LimitError where the process has no addresses left: engines set some 10 GB aside for each memory, used or not */
async function instantiate(module: WebAssembly.Module): Promise<WebAssembly.Instance> {
  try {
    return await WebAssembly.instantiate(module);
  } catch (cause) {
    throw new LimitError('Expected fewer models in one process: there is no room for the memory of one more', {
      cause,
    });
  }
}

/**
 * The SIMD kernels with an arena of their own, or null where they cannot run.
 *
 * @throws LimitError where one process has too many models, some 12,000
 */
export async function createSimd(): Promise<Kernels | null> {
  const module = await compile();
  if (module === null) return null;
  const functions = (await instantiate(module)).exports as unknown as Functions;
  const { memory } = functions;
  const arena = createArena({
    base: Math.ceil(functions.arenaBase() / 4),
    view: () => new Float32Array(memory.buffer),
    grow(length) {
      const missing = Math.ceil((length * 4 - memory.buffer.byteLength) / pageBytes);
      // Half as much again, so that many small reservations do not copy views each time.
      const spare = Math.ceil(memory.buffer.byteLength / pageBytes / 2);
      try {
        memory.grow(Math.max(missing, spare));
      } catch (cause) {
        throw new LimitError(`Expected a model and its batches to fit in WebAssembly memory, got ${4 * length} bytes`, {
          cause,
        });
      }
    },
  });
  return { ...functions, name: 'simd', arena };
}

/** The fastest kernels that run here: SIMD, else the reference, which gives the same bits. */
export async function createKernels(): Promise<Kernels> {
  return (await createSimd()) ?? createReference('float32');
}
