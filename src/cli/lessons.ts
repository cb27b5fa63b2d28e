import { isRecordings, readRecordings } from './recordings.js';
import { type RawFile, type ReadOptions, readSequences } from './sequences.js';

/** Sequences to learn from: of a file, or of a folder of sounds. @throws ConfigError, InputError naming the file and the line */
export async function readLessons(path: string, options: ReadOptions): Promise<RawFile> {
  return (await isRecordings(path)) ? readRecordings(path, options) : readSequences(path, options);
}
