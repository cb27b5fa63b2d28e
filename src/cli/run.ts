import type { Malformed } from './formats/format.js';
import type { Pipeline } from './pipeline.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';
import type { Task } from './task.js';

export interface RunOptions<Raw, Frame> {
  readonly source: Source<Raw | Malformed>;
  /** What the task takes, out of what was read. */
  readonly frame: (raw: Raw) => Frame | Malformed;
  readonly sink: Sink;
  readonly task: Task<Frame>;
  readonly pipeline: Pipeline;
  readonly malformed: (line: Malformed) => void;
  /** Called after each applied frame. */
  readonly applied?: () => Promise<void> | void;
  /** Called now and then, to show how far things are. */
  readonly pause?: () => void;
  /** Whether to stop before the next frame. */
  readonly stopped: () => boolean;
}

/** Milliseconds of work before signals, input and progress get their turn. */
const longestTurn = 20;

/** Frames from a source through a pipeline, lines to a sink, until there are no more or nobody reads the lines. */
export async function run<Raw, Frame>(options: RunOptions<Raw, Frame>): Promise<void> {
  const { source, sink, task, pipeline, malformed, applied, pause, stopped } = options;
  let turn = performance.now();
  for (;;) {
    const frames = await source.take();
    if (frames === null || sink.closed || stopped()) return;
    for (const raw of frames) {
      const frame = isMalformed(raw) ? raw : options.frame(raw);
      if (isMalformed(frame)) malformed(frame);
      else {
        for (const item of task.items(frame)) pipeline.apply(item);
        const saving = applied?.();
        if (saving) await saving;
      }
      if (sink.full || performance.now() - turn > longestTurn) {
        await pipeline.settle();
        await sink.flush();
        pause?.();
        await new Promise(resolve => setImmediate(resolve));
        if (sink.closed || stopped()) return;
        turn = performance.now();
      }
    }
    await pipeline.settle();
    await sink.flush();
    pause?.();
  }
}

function isMalformed(frame: unknown): frame is Malformed {
  return typeof frame === 'object' && frame !== null && 'malformed' in frame;
}
