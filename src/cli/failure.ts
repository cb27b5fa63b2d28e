import { ConfigError, EddyError } from '../errors.js';

/** Statuses that a shell sees. */
export const statuses = { done: 0, failed: 1, usage: 2 } as const;

/** One line that says what is wrong, with its code; what no one foresaw comes whole, for who will mend it. */
export function describeFailure(error: unknown): string {
  return `eddy: ${reasonOf(error)}\n`;
}

/** The same without `eddy: ` before it and the end of the line. */
export function reasonOf(error: unknown): string {
  if (error instanceof EddyError) return `${error.code}: ${error.message}`;
  const system = error as NodeJS.ErrnoException;
  if (error instanceof Error && typeof system.code === 'string' && system.syscall !== undefined) {
    const reason = reasons[system.code] ?? system.message;
    return `${system.code}: ${system.path === undefined ? reason.replace(/:$/, '') : `${reason} ${system.path || '""'}`}`;
  }
  if (error instanceof RangeError && /typed array length|allocation failed|could not allocate/i.test(error.message))
    return `there is no room in memory for a network of this size (${error.message}): take fewer --hidden or --layers`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/**
 * Does what is left to do when a run has ended. If that fails as well it is told beside what ended the run, and does not take its place.
 *
 * @param failure that ended the run; undefined if none did
 * @param tell of what failed besides
 */
export function afterwards(failure: unknown, work: () => void, tell: (reason: string) => void): void {
  try {
    work();
  } catch (error) {
    if (failure === undefined) throw error;
    const reason = reasonOf(error);
    if (reason !== reasonOf(failure)) tell(reason);
  }
}

export function statusOf(error: unknown): number {
  return error instanceof ConfigError ? statuses.usage : statuses.failed;
}

/** Whoever read an output has gone, which is no failure: `eddy … | head`. */
export function isReaderGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EPIPE' || code === 'EOF' || code === 'ECONNRESET';
}

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file or folder:',
  EACCES: 'not allowed to use',
  EISDIR: 'expected a file, got a folder:',
  ENOTDIR: 'there is no such folder:',
  ENOSPC: 'the disk is full:',
  EFBIG: 'it may not be as large as that:',
};
