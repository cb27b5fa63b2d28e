import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { readWav } from '../encoders/wav.js';
import { ConfigError, InputError } from '../errors.js';
import type { Raw, RawFile, ReadOptions } from './sequences.js';

/** Whether a path is sound: a WAV file, or a folder, which is looked through for them. */
export async function isRecordings(path: string): Promise<boolean> {
  return extname(path).toLowerCase() === '.wav' || (await stat(path)).isDirectory();
}

/**
 * WAV files as sequences, in the order of their names. What one says is its folder's name, or its own up to the first `_`; with `spelled` it
 * is said part after part: between dashes, or letter by letter.
 *
 * @throws ConfigError for a folder without any; InputError naming the file
 */
export async function readRecordings(path: string, { label, spelled = false }: ReadOptions): Promise<RawFile> {
  const isFolder = (await stat(path)).isDirectory();
  const inside = isFolder ? await readdir(path, { recursive: true }) : [];
  const files = isFolder
    ? inside
        .filter(name => extname(name).toLowerCase() === '.wav')
        .sort()
        .map(name => join(path, name))
    : [path];
  if (files.length === 0) throw new ConfigError(`Expected the folder ${path} to have WAV files in it, got none`);
  // In folders of the folder, these are what is told apart.
  const how = label ?? (isFolder && files.every(file => dirname(file) !== path) ? 'folder' : 'name');
  const sequences: Raw[] = [];
  for (const file of files) {
    const stem = basename(file, extname(file));
    const said = how === 'folder' ? basename(dirname(file)) : stem.split('_')[0];
    const targets = spelled ? (said.includes('-') ? said.split('-').filter(part => part !== '') : [...said]) : [said];
    if (targets.length === 0) throw new InputError(`Expected the name of ${file} to say what is said, got none`);
    try {
      sequences.push({
        from: file,
        inputs: [],
        targets,
        named: true,
        sound: readWav(await readFile(file)),
        unaligned: spelled,
      });
    } catch (error) {
      if (error instanceof InputError) throw new InputError(`${error.message}, in ${file}`, error.index);
      throw error;
    }
  }
  return { kind: 'sound', told: ['label', 'spelled'], columns: [], sequences };
}
