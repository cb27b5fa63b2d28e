import { SingleBar } from 'cli-progress';

export interface Bar {
  /** Updates so far, and in all. */
  show(done: number, all: number, epoch: number): void;
  /** Takes the line away, so that something else can be written. */
  hide(): void;
  end(): void;
}

/** How far it is and how long it will take, on standard error where that is a terminal. */
export function createBar(epochs: number): Bar {
  if (!process.stderr.isTTY) return { show: () => {}, hide: () => {}, end: () => {} };
  const bar = new SingleBar({
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: false,
    barsize: 24,
    format: `{bar} {percentage} % · epoch {epoch} of ${epochs} · {eta_formatted} left`,
  });
  let started = false;
  return {
    show(done, all, epoch) {
      if (!started) bar.start(all, 0, { epoch });
      started = true;
      bar.update(done, { epoch });
    },
    hide() {
      if (started) process.stderr.write('\r\x1b[K');
    },
    end() {
      if (started) bar.stop();
      started = false;
    },
  };
}
