import { fstatSync } from 'node:fs';
import { SingleBar } from 'cli-progress';
import { countedLong } from './numbers.js';

/** Tells a person at a terminal how far things are. */
export interface Progress {
  /** @param steps done; @param read bytes of the input; @param parts how well it goes, what matters most first */
  show(steps: number, read: number, parts: readonly string[]): void;
  /** Takes the line away, so that something else can be written. */
  hide(): void;
  end(): void;
}

const silent: Progress = { show: () => {}, hide: () => {}, end: () => {} };

/** Milliseconds between two looks. */
const interval = 100;

/** On standard error where that is a terminal; of an input that is a file, it says how much is done. */
export function createProgress(): Progress {
  if (!process.stderr.isTTY) return silent;
  const total = fileSize(0);
  const meter = createRate();
  let parts: readonly string[] = [];
  const bar = new SingleBar({
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: false,
    emptyOnZero: true,
    // A terminal may not say how wide it is.
    format: (_, { progress }) =>
      progressLine((process.stderr.columns || 80) - 1, total === undefined ? undefined : progress, parts),
  });
  let shown = 0;
  let started = false;

  return {
    show(steps, read, goes) {
      const now = performance.now();
      const rate = meter(steps, now);
      parts = [countedLong(steps, 'step'), ...(rate === undefined ? [] : [`${brief(rate)}/s`]), ...goes];
      if (now - shown < interval) return;
      shown = now;
      if (!started) bar.start(total ?? 1, 0);
      started = true;
      if (total !== undefined) bar.update(Math.min(read, total));
      else bar.update(0);
      bar.render();
    },
    hide() {
      if (started) process.stderr.write('\r\x1b[K');
    },
    end() {
      if (started) bar.stop();
    },
  };
}

/** How many a second, lately; undefined as long as that is not known. */
export function createRate(): (steps: number, now: number) => number | undefined {
  let rate: number | undefined;
  let before: { steps: number; time: number } | undefined;
  return (steps, now) => {
    before ??= { steps, time: now };
    if (now - before.time > 500) {
      const recent = (1000 * (steps - before.steps)) / (now - before.time);
      rate = rate === undefined ? recent : 0.7 * rate + 0.3 * recent;
      before = { steps, time: now };
    }
    return rate;
  };
}

function brief(rate: number): string {
  return rate < 10 ? String(Number(rate.toPrecision(2))) : Math.round(rate).toLocaleString('en');
}

/**
 * One line of whole parts: where there is no room for all, the bar becomes shorter and goes, then the last parts.
 *
 * @param width columns that it may take
 * @param share that is done; undefined where no one knows
 */
export function progressLine(width: number, share: number | undefined, parts: readonly string[]): string {
  const all = [...(share === undefined ? [] : [`${Math.floor(100 * share)} %`]), ...parts];
  let line = all[0];
  for (const part of all.slice(1)) {
    const longer = `${line} · ${part}`;
    if (longer.length > width) break;
    line = longer;
  }
  const size = share === undefined ? undefined : [20, 10].find(size => size + 1 + line.length <= width);
  return (size === undefined ? line : `${bars(share!, size)} ${line}`).slice(0, width);
}

function bars(share: number, size: number): string {
  const full = Math.round(share * size);
  return '█'.repeat(full) + '░'.repeat(size - full);
}

/** Bytes of the file that a descriptor stands for; undefined where it is none. */
export function fileSize(descriptor: number): number | undefined {
  try {
    const stat = fstatSync(descriptor);
    return stat.isFile() && stat.size > 0 ? stat.size : undefined;
  } catch {
    return undefined;
  }
}
