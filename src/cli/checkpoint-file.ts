import { isUtf8 } from 'node:buffer';
import { CheckpointError } from '../errors.js';
import { type Checkpoint, readCheckpoint } from '../model/checkpoint.js';
import { maxHeaderBytes } from '../model/safetensors.js';
import { readGiven } from './given.js';

/**
 * A checkpoint that somebody named.
 *
 * @param way out, where it is another kind of file
 * @throws ConfigError, CheckpointError naming the file, or what the system says
 */
export async function readCheckpointFile(
  path: string,
  way = 'eddy train and eddy pipe --save write such files',
): Promise<{ bytes: Buffer; checkpoint: Checkpoint }> {
  const bytes = await readGiven(path, 'a checkpoint');
  if (!looksLikeSafetensors(bytes)) {
    throw new CheckpointError(`Expected ${path} to be a safetensors file, got ${kindOf(bytes)}: ${way}`);
  }
  return naming(path, () => ({ bytes, checkpoint: readCheckpoint(bytes) }));
}

/** Does what may throw a CheckpointError, which names the file then. */
export function naming<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw named(path, error);
  }
}

export function named(path: string, error: unknown): unknown {
  return error instanceof CheckpointError ? new CheckpointError(`${path}: ${error.message}`, { cause: error }) : error;
}

/** The length of a header that can be, and the brace with which it begins; whether it is whole is another question. */
function looksLikeSafetensors(bytes: Buffer): boolean {
  return bytes.length > 8 && bytes[8] === 0x7b && bytes.readBigUInt64LE() <= maxHeaderBytes;
}

function kindOf(bytes: Buffer): string {
  if (bytes.length === 0) return 'an empty file';
  return isUtf8(bytes) && !bytes.includes(0) ? 'text' : 'another kind of file';
}
