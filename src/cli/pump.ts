import { existsSync } from 'node:fs';
import { DivergenceError } from '../errors.js';
import { createAnswering } from './answering.js';
import { createApplying } from './applying.js';
import { type Assembly, assemble } from './assemble.js';
import { readCheckpointFile } from './checkpoint-file.js';
import { afterwards } from './failure.js';
import { firstWords } from './first-words.js';
import type { Malformed, Row } from './formats/format.js';
import type { Format, Frame } from './formats/formats.js';
import { type InputOptions, isMalformed, openFormat, peek } from './input.js';
import { checkApart, checkPlace } from './keep.js';
import { measureLines } from './measures.js';
import { counted } from './numbers.js';
import { makePlan, namedColumns, type PlanOptions } from './plan.js';
import { createProgress, fileSize } from './progress.js';
import { createRecorder } from './record.js';
import { run } from './run.js';
import { createSaving } from './saving.js';
import { onSignal } from './signals.js';
import { createSink } from './sink.js';
import { createSource, type Overflow, type Source } from './source.js';
import { createSkipping, createTold, lastWords } from './told.js';

export interface PumpOptions extends PlanOptions, InputOptions {
  readonly onError: 'skip' | 'stop';
  readonly overflow: Overflow;
  readonly queue?: number;
  readonly every: number;
  readonly save?: string;
  readonly saveEvery?: number;
  readonly record?: string;
  readonly season?: number;
}

/** Standard input through a network to standard output, until one of the two ends, or a signal comes. */
export async function pump(argument: string | undefined, options: PumpOptions): Promise<void> {
  checkApart(argument === undefined ? [] : [argument], { '--record': options.record });
  checkApart([], { '--save': options.save, '--record': options.record });
  if (options.save !== undefined) checkPlace(options.save, '--save');
  const path = argument ?? (options.resume && existsSync(options.save!) ? options.save : undefined);
  const found = path === undefined ? undefined : await readCheckpointFile(path, argument && dataGoesIn(argument));
  const checkpoint = found?.bytes;
  const config = found?.checkpoint.config;
  const { stdin, stdout, stderr } = process;

  const progress = createProgress();
  const say = (text: string): void => {
    progress.hide();
    stderr.write(`eddy: ${text}\n`);
  };
  if (options.resume && path === undefined) say(`${options.save} is not there yet: beginning anew`);

  const told = createTold();
  const malformed = createSkipping(options.onError, told, say);
  const named = namedColumns(options, checkpoint);
  const format = openFormat({ ...options, asked: named }, config, stdin.isTTY);
  const { source, bytesRead } = openSource(format, options);
  const sink = createSink(stdout, stdout.isTTY ? progress.hide : undefined);
  const { first, rest } = await peek(source, malformed);
  if (first === undefined) {
    say(told.skipped > 0 ? 'nothing came in that can be read' : 'nothing came in');
    return;
  }
  const row = typeof first === 'number' ? undefined : first;
  const names = row && format.columns!;
  const { unnamed } = format;
  const { plan, leftOut } = makePlan({ ...options, unnamed }, checkpoint, names, row);

  const recorder =
    options.record === undefined
      ? undefined
      : createRecorder(options.record, { plan, checkpoint: checkpoint?.toString('base64') ?? null });
  const answer = createAnswering({ sink, recorder, every: options.every, told, say });
  const assembly: Assembly = await assemble(plan, checkpoint, options, outcome => answer(assembly, outcome));
  const { task, pipeline } = assembly;
  const apply = createApplying(assembly, plan, names, named, recorder, told, say);
  const saving = createSaving(
    assembly,
    { path: options.save, every: options.saveEvery, keyed: plan.columns?.key !== undefined },
    say,
  );
  // After all that may be wrong: whoever reads it can do what it says.
  const beginning = {
    plan,
    found: options.format === undefined ? format.name : undefined,
    guessed: config === undefined && !stdin.isTTY,
    encoded: config?.encoder?.kind === 'audio' || config?.encoder?.kind === 'strokes',
    names,
    absent: names?.filter((_, i) => row?.cells[i] === undefined) ?? [],
    unnamed,
    leftOut,
    fresh: checkpoint === undefined,
  };
  for (const words of firstWords(beginning)) say(words);

  const stopping = onSignal(
    () => {
      const left = rest.stop();
      if (left > 0) say(`finishing what has been read, ${counted(left, 'byte')} (Ctrl-C again stops at once)`);
    },
    status => {
      saving.try();
      process.exit(status);
    },
  );
  let finished = false;
  let failure: unknown;
  try {
    await run<number | Row>({
      source: rest as Source<number | Row | Malformed>,
      sink,
      apply(raw) {
        const wrong = apply(raw);
        if (wrong === undefined) saving.after(told.steps);
        return wrong;
      },
      malformed,
      settle: pipeline.settle,
      flushed() {
        recorder?.flush();
        progress.show(told.steps, bytesRead(), task.progress());
      },
    });
    saving.save();
    finished = stopping.status === undefined && !sink.closed;
    if (finished) pipeline.finish();
  } catch (error) {
    failure = error;
    await pipeline.settle().catch(() => {});
    // What was answered before stands; of a network that diverged nothing is worth keeping.
    if (!(error instanceof DivergenceError)) afterwards(failure, saving.save, saving.failed);
    throw error;
  } finally {
    const last = task.end?.();
    if (last !== undefined) sink.line(JSON.stringify(last));
    try {
      afterwards(failure, () => recorder?.end(assembly.model, told.updates, finished), say);
    } finally {
      await sink.end();
      stopping.forget();
      progress.end();
      stdin.destroy();
    }
  }

  const stopped = stopping.status !== undefined;
  const words = lastWords(told, {
    progress: stderr.isTTY ? task.progress() : undefined,
    dropped: rest.dropped,
    overflow: options.overflow,
    saved: stderr.isTTY || stopped ? options.save : undefined,
  });
  if (words !== undefined) say(words);
  if (options.metrics) for (const line of measureLines(task.metrics?.(), task.partial?.() ?? 0, 1000)) say(line);
  if (stopped) process.exitCode = stopping.status;
}

function openSource(
  format: Format,
  { overflow, queue = 1024 }: PumpOptions,
): { source: Source<Frame>; bytesRead(): number } {
  let bytes = 0;
  const read = (chunk: Uint8Array): readonly Frame[] => {
    bytes += chunk.length;
    return format.read(chunk);
  };
  return {
    source: createSource<Frame>(process.stdin, {
      read,
      end: format.end,
      overflow,
      queue,
      isMalformed,
      lasting: fileSize(0) !== undefined,
    }),
    bytesRead: () => bytes,
  };
}

/** Who names a file of data in place of a checkpoint is told where data goes. */
function dataGoesIn(path: string): string {
  return `what is to be read comes in on standard input, as in eddy pipe < ${path}`;
}
