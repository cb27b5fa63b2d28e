/** Between a server that ends and the next one: beside the sessions file stands a mark while that is going to be written. */
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Log } from './log.js';
import { runs } from './whole.js';

interface Mark {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** In milliseconds of the clock: from then on nobody waits for it. */
  readonly until: number;
  /** Milliseconds from when it was made to `until`: the clock of another machine may be far ahead. Older marks do not say. */
  readonly within: number;
}

/** Milliseconds for the writing itself. */
const toWrite = 60_000;
const betweenLooks = 50;

/** Marks of this process. */
const ours = new Set<string>();

const markPath = (path: string): string => `${path}.saving`;

/** Says that the sessions file is going to be written, after `grace` milliseconds at most. What is returned takes that back. */
export function markSaving(path: string, grace: number): () => void {
  const within = grace + toWrite;
  const mark: Mark = { id: randomUUID(), host: hostname(), pid: process.pid, until: Date.now() + within, within };
  try {
    writeFileSync(markPath(path), JSON.stringify(mark), { mode: 0o600 });
  } catch {
    // The sessions have no place there either, which is told then.
    return () => {};
  }
  ours.add(mark.id);
  return () => {
    ours.delete(mark.id);
    // Another may have said the same since.
    if (readMark(path)?.id === mark.id) rmSync(markPath(path), { force: true });
  };
}

/** Resolves when nobody is going to write the sessions file; who died over it, or has had time enough, is not. */
export async function waitForSaving(path: string, log: Log): Promise<void> {
  let waited: string | undefined;
  let since = 0;
  for (;;) {
    const mark = readMark(path);
    if (mark === undefined) return;
    const now = performance.now();
    if (mark.id !== waited) since = now;
    const late = Date.now() > mark.until || now - since > mark.within;
    if (late || !mayLive(mark)) {
      log.warn({ pid: mark.pid, host: mark.host }, 'the server before has not saved its sessions');
      rmSync(markPath(path), { force: true });
      return;
    }
    if (!waited) log.info({ pid: mark.pid, host: mark.host }, 'waits until the server before has saved its sessions');
    waited = mark.id;
    await new Promise(resolve => setTimeout(resolve, betweenLooks));
  }
}

/** Of another machine it is not known. */
function mayLive({ id, host, pid }: Mark): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return ours.has(id);
  return runs(pid);
}

/** Undefined where there is none, or no whole one. */
function readMark(path: string): Mark | undefined {
  try {
    const mark = { within: Number.POSITIVE_INFINITY, ...JSON.parse(readFileSync(markPath(path), 'utf8')) } as Mark;
    const { pid, until, within } = mark;
    const whole = Number.isInteger(pid) && pid > 0 && typeof until === 'number' && typeof within === 'number';
    return whole ? mark : undefined;
  } catch {
    return undefined;
  }
}
