import { isRecordings, readRecordings } from './recordings.js';
import { type RawFile, type Reading, readSequences } from './sequences.js';

/** Sequences to learn from: of a file, or of a folder of sounds. @throws ConfigError, InputError naming the file and the line */
export async function readLessons(path: string, reading: Reading): Promise<RawFile> {
  return (await isRecordings(path)) ? readRecordings(path, reading) : readSequences(path, reading);
}
