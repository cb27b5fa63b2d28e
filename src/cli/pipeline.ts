import { filter, map, type Observable, Subject } from 'rxjs';
import { InputError } from '../errors.js';
import type { Input } from '../model/input.js';
import type { TrainableModel } from '../model/model.js';
import type { Step } from '../model/transfer.js';
import type { LateTarget } from '../operators/learned.js';
import { step as stepOperator } from '../operators/step.js';
import { stepMany } from '../operators/step-many.js';
import { tbptt } from '../operators/tbptt.js';
import { type KeyedExample, tbpttMany } from '../operators/tbptt-many.js';
import type { Target } from '../training/loss.js';
import type { StreamState } from '../training/stream.js';
import type { Trainer, Update } from '../training/trainer.js';

/** An input with its stream's key (of the one stream: ''), or the target of an earlier step. */
export type Item = { readonly key: string } & ({ readonly input: Input; readonly target?: Target } | LateTarget);

/** What a pipeline tells of. */
export type Outcome =
  | {
      readonly kind: 'step';
      readonly key: string;
      readonly step: Step;
      readonly loss: number | null;
      /** The guard brought the input down. */
      readonly limited?: true;
    }
  | { readonly kind: 'late'; readonly key: string; readonly loss: number | null }
  | { readonly kind: 'update'; readonly update: Update };

/** Items through one of the four stepping operators: learning or not, one stream or many. */
export interface Pipeline {
  apply(item: Item): void;
  /** Until everything that was applied has had its outcome. */
  settle(): Promise<void>;
  /** What each stream that learns remembers, the one that stepped last at the end. */
  states(): Map<string, StreamState>;
  /** Learns what remains. */
  finish(): void;
}

export interface PipelineOptions {
  readonly model: TrainableModel;
  /** Undefined where nothing is learned. */
  readonly trainer?: Trainer;
  readonly keyed: boolean;
  readonly states?: ReadonlyMap<string, StreamState>;
  readonly maxStreams?: number;
  readonly outcome: (outcome: Outcome) => void;
}

export function createPipeline(options: PipelineOptions): Pipeline {
  const { model, trainer, keyed, outcome } = options;
  const { states, maxStreams } = options;
  let newest = (): Map<string, StreamState> => new Map(states);
  const items = new Subject<Item>();
  let failure: unknown;
  let outstanding = 0;

  const stepped = (key: string, step: Step, loss: number | null, limited?: true): void => {
    outstanding--;
    outcome({ kind: 'step', key, step, loss, ...(limited && { limited }) });
  };
  const observer = <T>(next: (event: T) => void) => ({
    next,
    error: (error: unknown) => {
      failure = error;
    },
  });

  if (trainer && keyed) {
    (items as Subject<KeyedExample>).pipe(tbpttMany(trainer, { states, maxStreams })).subscribe(
      observer(event => {
        newest = event.states;
        if (event.kind === 'step') stepped(event.key, event.step, event.loss, event.limited);
        else if (event.kind === 'late' || event.kind === 'update') outcome(event);
        else if (event.kind === 'error') failure = event.error;
      }),
    );
  } else if (trainer) {
    items.pipe(tbptt(trainer, states?.get(''))).subscribe(
      observer(event => {
        if ('state' in event) newest = () => new Map([['', event.state()]]);
        if (event.kind === 'step') stepped('', event.step, event.loss, event.limited);
        else if (event.kind === 'late') outcome({ kind: 'late', key: '', loss: event.loss });
        else if (event.kind === 'update') outcome(event);
      }),
    );
  } else if (keyed) {
    inputsOf(items)
      .pipe(stepMany(model, { maxStreams }))
      .subscribe(
        observer(event => {
          if (event.error) failure = event.error;
          else stepped(event.key, event, null);
        }),
      );
  } else {
    const inputs = inputsOf(items).pipe(map(({ input }) => input));
    inputs.pipe(stepOperator(model)).subscribe(observer(step => stepped('', step, null)));
  }

  const check = (): void => {
    if (failure !== undefined) throw withWayOut(failure, trainer);
  };

  return {
    apply(item) {
      if ('input' in item) outstanding++;
      items.next(item);
      check();
    },
    async settle() {
      while (outstanding > 0 && failure === undefined) await null;
      check();
    },
    states: () => newest(),
    finish() {
      items.complete();
      check();
    },
  };
}

/** What is to be done where it is a state that is wrong. */
function withWayOut(failure: unknown, trainer: Trainer | undefined): unknown {
  if (!(failure instanceof InputError && failure.where === 'carry')) return failure;
  const rate = trainer?.options.guard ? '; learn at a smaller --rate' : '; learn with --guard, or at a smaller --rate';
  return new InputError(
    `${failure.message}: the state grew beyond float32${trainer === undefined ? '' : rate}`,
    failure.index,
    failure.where,
  );
}

/** What does not learn has no use for targets. */
function inputsOf(items: Observable<Item>): Observable<{ readonly key: string; readonly input: Input }> {
  return items.pipe(filter(item => 'input' in item));
}
