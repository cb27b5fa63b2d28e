import { turn } from './events.js';
import type { Malformed } from './formats/format.js';
import { isMalformed } from './input.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';

export interface RunOptions<Raw> {
  readonly source: Source<Raw | Malformed>;
  readonly sink: Sink;
  /** Takes one frame; a promise where something has to be waited for. */
  readonly apply: (raw: Raw) => Malformed | undefined;
  readonly malformed: (line: Malformed) => void;
  /** Until every applied frame has its line. */
  readonly settle: () => Promise<void>;
  /** Called when lines have been handed on. */
  readonly flushed: () => void;
}

/** Milliseconds of work before signals, input and progress get their turn. */
const longestTurn = 20;

/** Frames from a source, one after the other, lines to a sink, until there are no more or nobody reads the lines. */
export async function run<Raw>(options: RunOptions<Raw>): Promise<void> {
  const { source, sink, apply, malformed, settle, flushed } = options;
  const hand = async (): Promise<void> => {
    await settle();
    await sink.flush();
    flushed();
  };
  let began = performance.now();
  for (;;) {
    const frames = await source.take();
    if (frames === null || sink.closed) return;
    for (const frame of frames) {
      const wrong = isMalformed(frame) ? frame : apply(frame);
      if (wrong) malformed(wrong);
      if (!sink.full && performance.now() - began < longestTurn) continue;
      await hand();
      await turn();
      if (sink.closed) return;
      began = performance.now();
    }
    await hand();
  }
}
