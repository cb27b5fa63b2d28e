/** A certificate and its key. */
import type { Certificate } from '../server/index.js';
import { readGiven } from './given.js';

/** Where they lie, as PEM. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** @throws ConfigError, or what the system says */
export async function readCertificate({ cert, key }: CertificateFiles): Promise<Certificate> {
  return { cert: await readGiven(cert, 'a certificate'), key: await readGiven(key, 'a key') };
}
