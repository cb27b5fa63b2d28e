/** A certificate and its key, which are taken up anew when their files change. */
import type { Certificate } from '../server/index.js';
import { readGiven } from './given.js';
import { type ModelFile, versionOf, type Watch, watchModels } from './model-files.js';

/** Where they lie, as PEM. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** @throws ConfigError, or what the system says */
export async function readCertificate({ cert, key }: CertificateFiles): Promise<Certificate> {
  return { cert: await readGiven(cert, 'a certificate'), key: await readGiven(key, 'a key') };
}

/**
 * Looks for newer files. Where one of them is gone, or they cannot be read, the older ones stay.
 *
 * @param renew takes up what is in them
 * @param failed told once why it could not
 */
export async function watchCertificate(
  files: CertificateFiles,
  renew: (certificate: Certificate) => void,
  failed: (error: unknown) => void,
): Promise<Watch> {
  const find = async (): Promise<ReadonlyMap<string, ModelFile>> => {
    const versions = [await versionOf(files.cert, true), await versionOf(files.key, true)];
    const both = { name: 'certificate', path: files.cert, version: versions.join(' ') };
    return new Map(versions.includes(undefined) ? [] : [[both.name, both]]);
  };
  const changed = async (_: string, found: ModelFile | undefined): Promise<void> => {
    if (found === undefined) return;
    try {
      renew(await readCertificate(files));
    } catch (error) {
      failed(error);
    }
  };
  return watchModels(find, await find(), changed, () => {}, failed);
}
