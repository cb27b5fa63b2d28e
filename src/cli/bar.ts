import type { WriteStream } from 'node:tty';
import cliProgress from 'cli-progress';
import { progressLine } from './progress.js';

export interface Bar {
  /** Updates so far, and in all. */
  show(done: number, all: number, epoch: number): void;
  /** Takes the line away, so that something else can be written. */
  hide(): void;
  end(): void;
}

/** How far it is and how long it will take, on a terminal; else nothing. */
export function createBar(epochs: number, terminal: WriteStream = process.stderr): Bar {
  if (!terminal.isTTY) return { show: () => {}, hide: () => {}, end: () => {} };
  const bar = new cliProgress.SingleBar({
    stream: terminal,
    clearOnComplete: true,
    hideCursor: false,
    // A terminal may not say how wide it is.
    format: (options, { progress, eta }, { epoch }) =>
      progressLine((terminal.columns || 80) - 1, progress, [
        `epoch ${epoch} of ${epochs}`,
        `${cliProgress.Format.TimeFormat(eta, options, 5)} left`,
      ]),
  });
  let started = false;
  return {
    show(done, all, epoch) {
      if (!started) bar.start(all, 0, { epoch });
      started = true;
      bar.update(done, { epoch });
    },
    hide() {
      if (started) terminal.write('\r\x1b[K');
    },
    end() {
      if (started) bar.stop();
      started = false;
    },
  };
}
