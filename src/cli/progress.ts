import { fstatSync } from 'node:fs';
import { SingleBar } from 'cli-progress';

/** Tells a person at a terminal how far things are. */
export interface Progress {
  /** @param steps done; @param read bytes of the input; @param text how well it goes */
  show(steps: number, read: number, text: string): void;
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
  let latest = { steps: 0, text: '' };
  let rate = 0;
  let before = { steps: 0, time: performance.now() };
  const bar = new SingleBar({
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: false,
    barsize: 20,
    emptyOnZero: true,
    format: (options, params) => {
      const done =
        total === undefined
          ? ''
          : `${bars(params.progress, options.barsize ?? 20)} ${Math.floor(100 * params.progress)} % · `;
      const text = `${done}${latest.steps.toLocaleString('en')} steps · ${Math.round(rate).toLocaleString('en')}/s${latest.text && ` · ${latest.text}`}`;
      return text.slice(0, (process.stderr.columns ?? 80) - 1);
    },
  });
  let shown = 0;
  let started = false;

  return {
    show(steps, read, text) {
      const now = performance.now();
      latest = { steps, text };
      if (now - shown < interval) return;
      if (now - before.time > 500) {
        const recent = (1000 * (steps - before.steps)) / (now - before.time);
        rate = rate === 0 ? recent : 0.7 * rate + 0.3 * recent;
        before = { steps, time: now };
      }
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
