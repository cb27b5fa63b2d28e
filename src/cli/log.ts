import type { Log } from '../server/log.js';

export const levels = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type Level = (typeof levels)[number];

/** Bytes that wait where standard error takes nothing, at most: what comes then is lost. */
const mostWaiting = 1 << 20;

/**
 * Records on standard error, one of JSON a line. Where that takes none, as on a full disk, whoever logs goes on; records that are lost are
 * counted, and told when there is room again.
 */
export async function createLog(level: Level): Promise<Log> {
  // The other commands begin sooner without it.
  const { pino } = await import('pino');
  const { stderr } = process;
  let lost = 0;
  const written = (error?: Error | null): void => {
    if (error) lost++;
    else if (lost > 0) {
      const records = lost;
      lost = 0;
      log.warn({ records }, 'records of this log were lost');
    }
  };
  const destination = {
    write(line: string): void {
      if (stderr.writableLength > mostWaiting) lost++;
      // Of the last one before it there may be a part.
      else stderr.write(lost > 0 ? `\n${line}` : line, written);
    },
  };
  const log = pino({ name: 'eddy', level }, destination);
  return log;
}
