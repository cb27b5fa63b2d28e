import { existsSync } from 'node:fs';
import { DivergenceError, InputError } from '../errors.js';
import type { Want } from './answer.js';
import { type Assembly, assemble } from './assemble.js';
import { readCheckpointFile } from './checkpoint-file.js';
import { type Reading, readColumns } from './columns.js';
import { afterwards, reasonOf } from './failure.js';
import type { Malformed, Row } from './formats/format.js';
import type { Format, Frame } from './formats/formats.js';
import { describeBounds, describeRollback } from './guarded.js';
import { type InputOptions, isMalformed, openFormat, peek } from './input.js';
import { checkApart, checkPlace } from './keep.js';
import { measureLines } from './measures.js';
import { counted } from './numbers.js';
import type { Item } from './pipeline.js';
import { makePlan, type PlanOptions } from './plan.js';
import { createProgress, fileSize } from './progress.js';
import { createRecorder, type Recorder } from './record.js';
import { run } from './run.js';
import { onSignal } from './signals.js';
import { createSink } from './sink.js';
import { createSource, type Overflow, type Source } from './source.js';
import { writeWhole } from './whole.js';

export interface PumpOptions extends PlanOptions, InputOptions {
  readonly onError: 'skip' | 'stop';
  readonly overflow: Overflow;
  readonly queue: number;
  readonly want: Want;
  readonly topK: number;
  readonly every: number;
  readonly save?: string;
  readonly saveEvery?: number;
  readonly record?: string;
  readonly metrics?: boolean;
  readonly season?: number;
}

/** Standard input through a network to standard output, until one of the two ends, or a signal comes. */
export async function pump(argument: string | undefined, options: PumpOptions): Promise<void> {
  checkApart(argument === undefined ? [] : [argument], { '--record': options.record });
  checkApart([], { '--save': options.save, '--record': options.record });
  if (options.save !== undefined) checkPlace(options.save, '--save');
  const path = argument ?? (options.resume && existsSync(options.save!) ? options.save : undefined);
  const found = path === undefined ? undefined : await readCheckpointFile(path);
  const checkpoint = found?.bytes;
  const config = found?.checkpoint.config;
  const { stdin, stdout, stderr } = process;

  const progress = createProgress();
  const say = (text: string): void => {
    progress.hide();
    stderr.write(`eddy: ${text}\n`);
  };
  if (options.resume && path === undefined) say(`${options.save} is not there yet: beginning anew`);

  const format = openFormat(options, config, stdin.isTTY);
  const { source, bytesRead } = openSource(format, options);
  const sink = createSink(stdout, stdout.isTTY ? progress.hide : undefined);
  let skipped = 0;
  const malformed = ({ line, malformed: what }: Malformed): void => {
    if (options.onError === 'stop') {
      throw new InputError(`Line ${line}: ${what}. Mend it, or pass it over with --on-error skip`);
    }
    skipped++;
    say(`line ${line}: ${what}: skipped`);
  };

  const { first, rest } = await peek(source, malformed);
  if (first === undefined) {
    say(skipped > 0 ? 'nothing came in that can be read' : 'nothing came in');
    return;
  }
  const row = typeof first === 'number' ? undefined : first;
  const names = row && format.columns!;
  const { unnamed } = format;
  const { plan, leftOut } = makePlan({ ...options, unnamed }, checkpoint, names, row);

  const { record } = options;
  const recorder: Recorder | undefined =
    record === undefined
      ? undefined
      : createRecorder(record, { plan, checkpoint: checkpoint?.toString('base64') ?? null });
  let steps = 0;
  let answered = 0;
  let updates = 0;
  let limited = 0;
  let shortened = 0;
  const assembly: Assembly = await assemble(plan, checkpoint, options, outcome => {
    if (outcome.kind === 'update') {
      updates = outcome.update.count;
      const { rollback } = outcome.update;
      if (outcome.update.shortened) shortened++;
      if (rollback) say(describeRollback(rollback));
    }
    if (outcome.kind !== 'step') return;
    const line = task.answer(outcome.step);
    if (outcome.limited) limited++;
    recorder?.prediction(outcome.step.prediction);
    answered++;
    if (answered % options.every === 0) sink.line(JSON.stringify(outcome.limited ? { ...line, limited: true } : line));
  });
  const { task, pipeline } = assembly;
  answered = assembly.before;
  // After all that may be wrong: whoever reads it can do what it says.
  if (options.format === undefined) {
    // Of what an encoder made, the columns have no names.
    const encoded = config?.encoder?.kind === 'audio' || config?.encoder?.kind === 'strokes';
    const guessed =
      config === undefined && !stdin.isTTY ? ', as it does not look like a table of numbers (see --format)' : '';
    say(
      `reading ${format.name}${names === undefined ? guessed : encoded ? '' : `: ${plan.columns!.inputs.join(', ')}`}`,
    );
  }
  if (unnamed !== undefined) {
    const { key, inputs = [], targets = [] } = plan.columns ?? {};
    const used = [key, ...inputs, ...targets].includes(unnamed);
    say(`the heading names one column less than the rows have: the first is ${unnamed}${used ? '' : ', and left out'}`);
  }
  if (leftOut.length > 0) say(`left out, as the first row has no number there: ${leftOut.join(', ')}`);
  if (!options.learn && checkpoint === undefined) say('a new network that learns nothing says nothing: add --learn');
  const keep = (): void => {
    if (options.save === undefined) return;
    const { bytes, lost } = assembly.save();
    writeWhole(options.save, bytes);
    const streams = plan.columns?.key === undefined ? 'the stream' : `stream ${lost.join(', ')}`;
    if (lost.length > 0) say(`the carry of ${streams} is no finite number any more: with --resume it begins again`);
  };
  const notSaved = (reason: string): void => say(`not saved as ${options.save}: ${reason}`);
  const stopping = onSignal(
    () => {
      const left = rest.stop();
      if (left > 0) say(`finishing what has been read, ${counted(left, 'byte')} (Ctrl-C again stops at once)`);
    },
    status => {
      try {
        keep();
      } catch (error) {
        notSaved(reasonOf(error));
      }
      process.exit(status);
    },
  );

  const read = plan.columns && readColumns(names!, plan.columns);
  const apply = (raw: number | Row): Malformed | undefined => {
    const frame = read ? read(raw as Row) : (raw as number);
    if (isMalformed(frame)) return frame;
    let items: readonly Item[];
    try {
      items = task.items(frame as number | Reading);
    } catch (error) {
      // As a time that goes back: the row alone is wrong.
      if (error instanceof InputError && read) return { line: (raw as Row).line, malformed: error.message };
      throw error;
    }
    steps++;
    recorder?.frame(task.write(frame as number | Reading));
    for (const item of items) pipeline.apply(item);
    if (options.saveEvery !== undefined && steps % options.saveEvery === 0) keep();
    return undefined;
  };

  let finished = false;
  let failure: unknown;
  try {
    await run<number | Row>({
      source: rest as Source<number | Row | Malformed>,
      sink,
      apply,
      malformed,
      settle: pipeline.settle,
      flushed() {
        recorder?.flush();
        progress.show(steps, bytesRead(), task.progress());
      },
    });
    keep();
    finished = stopping.status === undefined && !sink.closed;
    if (finished) pipeline.finish();
  } catch (error) {
    failure = error;
    await pipeline.settle().catch(() => {});
    // What was answered before stands; of a network that diverged nothing is worth keeping.
    if (!(error instanceof DivergenceError)) afterwards(failure, keep, notSaved);
    throw error;
  } finally {
    const last = task.end?.();
    if (last !== undefined) sink.line(JSON.stringify(last));
    try {
      afterwards(failure, () => recorder?.end(assembly.model, updates, finished), say);
    } finally {
      await sink.end();
      stopping.forget();
      progress.end();
      stdin.destroy();
    }
  }

  const stopped = stopping.status !== undefined;
  const told = [
    ...(stderr.isTTY ? [counted(steps, 'step'), ...task.progress()] : []),
    ...(rest.dropped > 0 ? [`${counted(rest.dropped, 'frame')} dropped (--overflow ${options.overflow})`] : []),
    ...(skipped > 0 ? [`${counted(skipped, 'line')} skipped`] : []),
    ...describeBounds(limited, shortened),
    ...((stderr.isTTY || stopped) && options.save ? [`saved as ${options.save}`] : []),
  ];
  if (told.length > 0) say(told.join(' · '));
  const measured = options.metrics ? task.metrics?.() : undefined;
  if (measured) for (const line of measureLines(measured, 1000)) say(line);
  if (stopped) process.exitCode = stopping.status;
}

function openSource(format: Format, { overflow, queue }: PumpOptions): { source: Source<Frame>; bytesRead(): number } {
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
