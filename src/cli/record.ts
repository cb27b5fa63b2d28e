import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { TrainableModel } from '../model/model.js';
import type { Plan } from './assemble.js';

/** The format that is written, and the only one that is read. */
export const recordFormat = 1;

/** The first line of a record. */
export interface RecordHeader {
  readonly record: typeof recordFormat;
  readonly plan: Plan;
  /** The bytes of the checkpoint that the network came from, as base64; null for a new network. */
  readonly checkpoint: string | null;
}

/** One line for each step, in the order in which they were applied. */
export interface RecordedStep {
  readonly step: number;
  /** What came in: a token, or inputs and targets. */
  readonly frame: unknown;
  /** The bits of ŷ(t): little-endian float32, as base64. */
  readonly prediction: string;
}

/** The last line: what the run came to. */
export interface RecordEnd {
  readonly steps: number;
  readonly updates: number;
  /** What remained was learned at the end. */
  readonly finished: boolean;
  /** SHA-256 of all weights. */
  readonly weights: string;
  /** SHA-256 of the lines before. */
  readonly lines: string;
}

/** Writes down what a run is given and what it predicts, so that it can be done again and compared. */
export interface Recorder {
  /** A frame is applied; its prediction follows. */
  frame(written: unknown): void;
  prediction(values: Float32Array): void;
  flush(): void;
  end(model: TrainableModel, updates: number, finished: boolean): void;
}

const flushAt = 1 << 16;

export function createRecorder(path: string, header: Omit<RecordHeader, 'record'>): Recorder {
  const file = openSync(path, 'w');
  const lines = createHash('sha256');
  const frames: unknown[] = [];
  let waiting = '';
  let steps = 0;

  const flush = (): void => {
    const bytes = Buffer.from(waiting);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    } catch (error) {
      throw Object.assign(error as Error, { path });
    }
    waiting = '';
  };
  const line = (content: unknown): void => {
    const text = `${JSON.stringify(content)}\n`;
    lines.update(text);
    waiting += text;
    if (waiting.length > flushAt) flush();
  };
  line({ record: recordFormat, ...header } satisfies RecordHeader);

  return {
    frame: written => frames.push(written),
    prediction(values) {
      steps++;
      line({ step: steps, frame: frames.shift(), prediction: toBase64(values) } satisfies RecordedStep);
    },
    flush,
    end(model, updates, finished) {
      const digest = lines.digest('hex');
      const end: RecordEnd = { steps, updates, finished, weights: weightsDigest(model), lines: digest };
      waiting += `${JSON.stringify({ end })}\n`;
      flush();
      closeSync(file);
    },
  };
}

/** Little-endian whatever the machine. */
function toBase64(values: Float32Array): string {
  const bytes = Buffer.alloc(4 * values.length);
  for (let i = 0; i < values.length; i++) bytes.writeFloatLE(values[i], 4 * i);
  return bytes.toString('base64');
}

export function fromBase64(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return Float32Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readFloatLE(4 * i));
}

/** SHA-256 of all weights, tensor by tensor in the order of their names. */
export function weightsDigest(model: TrainableModel): string {
  const hash: Hash = createHash('sha256');
  const weights = Object.entries(model.weights()).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, values] of weights) {
    hash.update(`${name}\0`).update(toBase64(values));
  }
  return hash.digest('hex');
}
