import { readFile } from 'node:fs/promises';
import { ConfigError } from '../errors.js';

/**
 * The bytes of a file that somebody named.
 *
 * @param wanted what it should be, as `a checkpoint`
 * @throws ConfigError for a folder, or what the system says
 */
export async function readGiven(path: string, wanted: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw refused(path, wanted, error);
  }
}

/** What is said of a file that cannot be read. The system leaves out the path of a folder. */
export function refused(path: string, wanted: string, error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'EISDIR') return error;
  return new ConfigError(`Expected ${path} to be ${wanted}, got a folder`);
}
