import type { Log } from '../server/log.js';

export const levels = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type Level = (typeof levels)[number];

/** Bytes that wait where standard error takes nothing, at most: what comes then is lost. */
const mostWaiting = 1 << 20;

/** Records on standard error, one of JSON a line. Where that takes none, as on a full disk, the server goes on; records that are lost are counted, and told later. */
export async function createLog(level: Level): Promise<Log> {
  // The other commands begin sooner without it.
  const { pino } = await import('pino');
  const destination = pino.destination({ dest: 2, sync: true, maxLength: mostWaiting });
  const log = pino({ name: 'eddy', level }, destination);
  let lost = 0;
  // Each record that follows tries again.
  destination.on('error', () => {});
  destination.on('drop', () => lost++);
  destination.on('drain', () => {
    if (lost === 0) return;
    log.warn({ records: lost }, 'records of this log are lost');
    lost = 0;
  });
  return log;
}
