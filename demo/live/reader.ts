import { createMetrics } from 'eddy';
import { type RemoteStep, remote } from 'eddy/client';
import { next } from 'eddy/operators';
import { mergeMap, type Observable, Subject } from 'rxjs';
import { createFading } from '../parts/fading.js';
import { createLetterCounts } from './letter-counts.js';

/** How the reading goes. */
export interface Reading {
  /** Bytes read, this one included. */
  readonly count: number;
  /** Of this byte, as it was foretold. */
  readonly bits: number;
  /** Fading means, in bits a byte. */
  readonly network: number;
  readonly letters: number;
  /** The share of bytes that were the likeliest one. */
  readonly right: number;
}

export type Answer =
  | { readonly kind: 'step'; readonly byte: number; readonly step: RemoteStep }
  /** The weights have moved: so many times by now. */
  | { readonly kind: 'update'; readonly count: number };

export interface Reader<Source> {
  /** Bytes that wait to be read. */
  readonly waiting: number;
  read(bytes: Iterable<number>, source: Source): void;
  /** A session that learns from what is read. What was sent and not answered when another one was lost is read again. */
  connect(opened: () => void): Observable<Answer>;
}

/** Bytes under way: a long text leaves room for others. */
const mostUnderWay = 16;
/** Steps whose loss may still come. */
const mostKept = 64;
/** α: averages look back some 100 characters. */
const fading = 0.99;

const learning = { k1: 1, k2: 16, optimizer: { kind: 'adam', rate: 0.004 } } as const;

/** Reads byte by byte, each foretold before it is learned. `scored` is told how well. */
export function createReader<Source>(scored: (source: Source, reading: Reading) => void): Reader<Source> {
  interface Item {
    readonly byte: number;
    readonly source: Source;
  }
  let queue: Item[] = [];
  /** By the number of their step. */
  let sent = new Map<number, Item>();
  let predictions = new Map<number, Float32Array>();
  let steps = 0;
  let answered = 0;
  let bytes = new Subject<number>();
  let ready = false;

  const pump = (): void => {
    while (ready && queue.length > 0 && steps - answered < mostUnderWay) {
      const item = queue.shift()!;
      sent.set(++steps, item);
      bytes.next(item.byte);
    }
  };

  return {
    get waiting() {
      return queue.length + steps - answered;
    },
    read(more, source) {
      for (const byte of more) queue.push({ byte, source });
      pump();
    },
    connect(opened) {
      queue = [...[...sent].flatMap(([number, item]) => (number > answered ? [item] : [])), ...queue];
      sent = new Map();
      predictions = new Map();
      steps = 0;
      answered = 0;
      bytes = new Subject();
      ready = false;
      const metrics = createMetrics({ kind: 'classes', fading });
      const counts = createLetterCounts();
      const letters = createFading(fading);

      /** The target of a step is the byte after it: the first byte is not foretold. */
      const score = (number: number, loss: number): void => {
        const item = sent.get(number + 1);
        const prediction = predictions.get(number);
        if (!item || !prediction) return;
        predictions.delete(number);
        const measured = metrics.scored(number, prediction, item.byte, loss);
        letters.add(counts.surprise(item.byte));
        if (measured?.kind !== 'classes') return;
        scored(item.source, {
          count: number + 1,
          bits: loss * Math.LOG2E,
          network: measured.bits.fading,
          letters: letters.read(),
          right: measured.accuracy.fading,
        });
      };
      const begin = (): void => {
        ready = true;
        opened();
        pump();
      };

      return bytes.pipe(
        next(),
        remote('./', { model: 'text', learn: 'shared', learning, want: { carry: true }, onOpened: begin }),
        mergeMap((event): Answer[] => {
          if (event.kind === 'late') score(event.number, event.loss);
          if (event.kind === 'update') return [{ kind: 'update', count: event.update.count }];
          if (event.kind !== 'step') return [];
          const { number, step } = event;
          const { byte } = sent.get(number)!;
          answered = number;
          if (number === 1) counts.surprise(byte);
          metrics.predicted(number);
          predictions.set(number, step.prediction);
          for (const map of [sent, predictions]) map.delete(number - mostKept);
          pump();
          return [{ kind: 'step', byte, step }];
        }),
      );
    },
  };
}
