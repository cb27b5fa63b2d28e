import { argmax, createEncoder, type ModelConfig } from 'eddy';
import type { RemoteStep } from 'eddy/client';
import { next } from 'eddy/operators';
import { filter, map, merge, type Observable, Subject } from 'rxjs';
import { createFading } from '../parts/fading.js';
import type { Lessons, Runner } from '../run/runner.js';
import { createLetterCounts } from './letter-counts.js';

/** Two networks that were one at first: one stays as it was trained, the other learns from what it reads. */
export const sides = ['frozen', 'learner'] as const;
export type Side = (typeof sides)[number];

export const networks: Readonly<Record<Side, string>> = { frozen: 'text', learner: 'text.learner' };

/** How the reading goes. */
export interface Reading {
  /** Characters read, this one included. */
  readonly count: number;
  /** Of this character, as the learner foretold it. */
  readonly bits: number;
  /** Fading means, in bits a character: the two networks, and counting letters. */
  readonly means: Readonly<Record<Side | 'letters', number>>;
  /** The share of characters that were the likeliest one, to the learner. */
  readonly right: number;
}

export type Answer =
  | { readonly kind: 'step'; readonly side: Side; readonly character: string; readonly step: RemoteStep }
  /** The weights have moved: so many times by now. */
  | { readonly kind: 'update'; readonly count: number };

export interface Reader<Source> {
  /** Characters that wait to be read. */
  readonly waiting: number;
  /** Where they come from, in order. */
  readonly unread: readonly Source[];
  read(characters: Iterable<string>, source: Source): void;
  /** What waits and was not sent is not read. */
  skip(): void;
  /** Sessions that read from now on. What was sent and not answered when others were lost is read again. */
  connect(runner: Runner, opened: (config: ModelConfig) => void): Observable<Answer>;
}

/** Characters under way, and in one turn: a long text leaves room for others, and whoever looks on sees it read. */
const mostUnderWay = 16;
/** α: averages look back some 100 characters. */
const fading = 0.99;

const lessons: Lessons = { k1: 1, k2: 16, optimizer: { kind: 'adam', rate: 0.001 } };

/** Reads character by character, each foretold before it is learned. `scored` is told how well. */
export function createReader<Source>(scored: (source: Source, reading: Reading) => void): Reader<Source> {
  interface Item {
    readonly character: string;
    readonly source: Source;
  }
  let queue: Item[] = [];
  /** What was sent and not answered by both, the oldest first. */
  let underWay: Item[] = [];
  let pump = (): void => {};

  return {
    get waiting() {
      return queue.length + underWay.length;
    },
    get unread() {
      return [...underWay, ...queue].map(({ source }) => source);
    },
    read(characters, source) {
      for (const character of characters) queue.push({ character, source });
      pump();
    },
    skip() {
      queue = [];
    },
    connect(runner, opened) {
      queue = [...underWay, ...queue];
      underWay = [];
      const tokens = new Subject<number>();
      const opening = new Set<Side>(sides);
      let tokenOf: (character: string) => number;
      /** Steps that both have answered. */
      let answered = 0;
      const letters = createFading(fading);
      const right = createFading(fading);
      const state = { frozen: createSide(), learner: createSide() };
      let counts: ReturnType<typeof createLetterCounts>;

      let left = mostUnderWay;
      let sending = false;
      pump = () => {
        if (sending) return;
        sending = true;
        while (opening.size === 0 && queue.length > 0 && underWay.length < mostUnderWay && left > 0) {
          if (--left === 0) {
            setTimeout(() => {
              left = mostUnderWay;
              pump();
            });
          }
          const item = queue.shift()!;
          underWay.push(item);
          tokens.next(tokenOf(item.character));
        }
        sending = false;
      };
      const ready = (side: Side) => (config: ModelConfig) => {
        opening.delete(side);
        if (opening.size > 0) return;
        const encoder = createEncoder(config.encoder!);
        tokenOf = character => encoder.encode(encoder.initial(), character).inputs[0] as number;
        counts = createLetterCounts(config.input.size);
        opened(config);
        pump();
      };
      /** The network has read step `number`: how it had foretold it. */
      const told = (side: Side, step: RemoteStep): Answer => {
        const item = underWay[step.number - answered - 1];
        const token = tokenOf(item.character);
        const { previous } = state[side];
        state[side].waiting.push(previous === undefined ? undefined : -Math.log2(Math.max(least, previous[token])));
        if (side === 'learner' && previous) right.add(argmax(previous) === token ? 1 : 0);
        state[side].previous = step.prediction;
        score();
        return { kind: 'step', side, character: item.character, step };
      };
      const score = (): void => {
        if (sides.some(side => state[side].waiting.length === 0)) return;
        const item = underWay.shift()!;
        answered++;
        const [frozen, learner] = sides.map(side => state[side].waiting.shift());
        const surprise = counts.surprise(tokenOf(item.character));
        // The first character is not foretold.
        if (frozen !== undefined && learner !== undefined) {
          state.frozen.mean.add(frozen);
          state.learner.mean.add(learner);
          letters.add(surprise);
          const means = {
            frozen: state.frozen.mean.read(),
            learner: state.learner.mean.read(),
            letters: letters.read(),
          };
          scored(item.source, { count: answered, bits: learner, means, right: right.read() });
        }
        pump();
      };

      const frozen = tokens.pipe(
        runner.step(networks.frozen, { opened: ready('frozen') }),
        map(step => told('frozen', step)),
      );
      const learner = tokens.pipe(
        next(),
        runner.learn(networks.learner, lessons, { want: { carry: true }, opened: ready('learner') }),
        filter(event => event.kind === 'step' || event.kind === 'update'),
        map(
          (event): Answer =>
            event.kind === 'step' ? told('learner', event.step) : { kind: 'update', count: event.update.count },
        ),
      );
      return merge(frozen, learner);
    },
  };
}

/** Of a probability. */
const least = 2 ** -40;

function createSide(): {
  previous: Float32Array | undefined;
  readonly waiting: (number | undefined)[];
  readonly mean: ReturnType<typeof createFading>;
} {
  return { previous: undefined, waiting: [], mean: createFading(fading) };
}
