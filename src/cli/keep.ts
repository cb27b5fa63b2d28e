import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError } from '../errors.js';

/**
 * Writes a file whole or not at all: beside it first, then in its place, so that a crash leaves the old one.
 */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const beside = `${path}.${process.pid}.tmp`;
  try {
    const file = openSync(beside, 'w');
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

/**
 * Finds out before hours of learning that their result has no place. Throws ConfigError, or what the system says.
 *
 * @param option that named it
 */
export function checkPlace(path: string, option: string): void {
  accessSync(dirname(path), constants.W_OK);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ConfigError(`Expected ${option} to be a file, got the folder ${path}`);
  }
}

/**
 * Finds out before anything is written that it would be written over what is read, or over one another.
 *
 * @param read paths that are read
 * @param written paths by the option that named them; undefined where there is none
 * @throws ConfigError
 */
export function checkApart(read: readonly string[], written: Readonly<Record<string, string | undefined>>): void {
  const taken = new Map(read.map(path => [resolve(path), 'what is read']));
  for (const [option, path] of Object.entries(written)) {
    if (path === undefined) continue;
    if (path === '') throw new ConfigError(`Expected ${option} to be the name of a file, got an empty one`);
    const other = taken.get(resolve(path));
    if (other !== undefined)
      throw new ConfigError(`Expected ${option} and ${other} to be two files, got ${path} twice`);
    taken.set(resolve(path), option);
  }
}
