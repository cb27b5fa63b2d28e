import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { RecordError } from '../errors.js';
import type { Step } from '../model/transfer.js';
import { assemble, isColumns, type Plan } from './assemble.js';
import { turn } from './events.js';
import { refused } from './given.js';
import { counted } from './numbers.js';
import { fromBase64, type RecordEnd, type RecordedStep, recordFormat, weightsDigest } from './record.js';

export interface ReplayResult {
  readonly steps: number;
  readonly updates: number;
  /** The first thing that is not as it was recorded; undefined where all is. */
  readonly difference?: string;
}

/**
 * Does again what a record says was done, and compares every bit of every prediction, and at the end the weights.
 *
 * @param answered told of each line that `eddy pipe` wrote
 * @throws RecordError if the file is no record, or a line of it cannot be read
 */
export async function replayRecord(
  path: string,
  answered: (line: object) => void | Promise<void>,
): Promise<ReplayResult> {
  const input = createReadStream(path);
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  try {
    return await replayLines(lines, answered);
  } catch (error) {
    throw refused(path, 'a record of eddy pipe', error);
  } finally {
    input.destroy();
  }
}

async function replayLines(
  lines: AsyncIterator<string>,
  answered: (line: object) => void | Promise<void>,
): Promise<ReplayResult> {
  const digest = createHash('sha256');
  const first = await lines.next();
  const { plan, checkpoint } = readHeader(first.done ? '' : first.value);
  digest.update(`${first.value}\n`);

  let updates = 0;
  const waiting: RecordedStep[] = [];
  const outcomes: { recorded: RecordedStep; step: Step; line: object }[] = [];
  const { model, task, pipeline } = await assemble(plan, checkpoint, {}, outcome => {
    if (outcome.kind === 'update') updates = outcome.update.count;
    if (outcome.kind === 'step') {
      outcomes.push({ recorded: waiting.shift()!, step: outcome.step, line: task.answer(outcome.step) });
    }
  });

  /** Compares what has come out. */
  const compare = async (): Promise<string | undefined> => {
    for (const { recorded, step, line } of outcomes.splice(0)) {
      const difference = differenceOf(recorded, step, task.outputName);
      if (difference) return difference;
      await answered(line);
    }
    return undefined;
  };

  let steps = 0;
  let end: RecordEnd | undefined;
  for (let number = 2; ; number++) {
    const next = await lines.next();
    if (next.done) break;
    let content: Record<string, unknown>;
    try {
      content = parse(next.value, number);
    } catch (error) {
      // The last line may have been cut.
      if ((await lines.next()).done) break;
      throw error;
    }
    if (end) throw new RecordError(`Expected nothing after the end of the record, got line ${number}`);
    if ('end' in content) {
      end = content.end as RecordEnd;
      continue;
    }
    digest.update(`${next.value}\n`);
    const recorded = content as unknown as RecordedStep;
    const frame = task.read(recorded.frame);
    if (frame === undefined || typeof recorded.prediction !== 'string') {
      throw new RecordError(
        `Expected line ${number} to have a frame of this network and its prediction, got ${short(next.value)}`,
      );
    }
    if (recorded.step !== steps + 1) {
      return { steps, updates, difference: `line ${number}: expected step ${steps + 1}, found step ${recorded.step}` };
    }
    steps++;
    waiting.push(recorded);
    for (const item of task.items(frame)) pipeline.apply(item);
    await pipeline.settle();
    const difference = await compare();
    if (difference) return { steps, updates, difference };
    if (steps % 256 === 0) await turn();
  }
  if (end?.finished) pipeline.finish();
  const last = end && task.end?.();
  if (last !== undefined) await answered(last);
  return {
    steps,
    updates,
    difference: differenceAtEnd(end, steps, updates, weightsDigest(model), digest.digest('hex')),
  };
}

/** Where bits differ, all NaNs being one. */
function differenceOf(
  recorded: RecordedStep,
  { prediction }: Step,
  nameOf: (output: number) => string,
): string | undefined {
  const expected = fromBase64(recorded.prediction);
  const where = `step ${recorded.step}`;
  if (expected.length !== prediction.length) {
    return `${where}: expected ${counted(expected.length, 'output')}, found ${prediction.length}`;
  }
  for (let i = 0; i < prediction.length; i++) {
    if (Object.is(prediction[i], expected[i])) continue;
    const say = (value: number) => `0x${bitsOf(value).toString(16).padStart(8, '0')} (${value})`;
    return `${where}, output ${i} (${nameOf(i)}): expected ${say(expected[i])}, found ${say(prediction[i])}`;
  }
  return undefined;
}

function differenceAtEnd(
  end: RecordEnd | undefined,
  steps: number,
  updates: number,
  weights: string,
  lines: string,
): string | undefined {
  if (end === undefined)
    return `the record was cut: it has no end after step ${steps}, and up to there all is the same`;
  if (end.steps !== steps) return `the end: expected ${counted(end.steps, 'step')}, found ${steps}`;
  if (end.updates !== updates) return `the end: expected ${counted(end.updates, 'update')}, found ${updates}`;
  if (end.weights !== weights) return `the weights at the end: expected SHA-256 ${end.weights}, found ${weights}`;
  if (end.lines !== lines) {
    return `the lines of the record: expected SHA-256 ${end.lines}, found ${lines}; no prediction differs`;
  }
  return undefined;
}

const bits = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): number {
  bits.setFloat32(0, value);
  return bits.getUint32(0);
}

function readHeader(line: string): { plan: Plan; checkpoint: Uint8Array | undefined } {
  const wrong = (what: string) => new RecordError(`Expected a record of eddy pipe, got ${what}`);
  if (line === '') throw wrong('an empty file');
  if (!line.startsWith('{"record":')) throw wrong(`a file that begins with ${short(line)}`);
  const header = parse(line, 1);
  if (header.record !== recordFormat) throw wrong(`one of format ${short(JSON.stringify(header.record))}`);
  const plan = header.plan as Partial<Plan> | null;
  const { checkpoint } = header;
  const fits =
    Number.isSafeInteger(plan?.horizon) &&
    plan!.horizon! >= 0 &&
    typeof plan!.resume === 'boolean' &&
    Number.isSafeInteger(plan!.maxKeys) &&
    (plan!.columns === undefined || isColumns(plan!.columns)) &&
    (typeof checkpoint === 'string' || (checkpoint === null && Array.isArray(plan!.layers)));
  if (!fits) throw wrong('one whose first line does not say what was done');
  return {
    plan: plan as Plan,
    checkpoint: typeof checkpoint === 'string' ? Buffer.from(checkpoint, 'base64') : undefined,
  };
}

function parse(line: string, number: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new RecordError(`Expected line ${number} of the record to be a JSON object, got ${short(line)}`);
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
