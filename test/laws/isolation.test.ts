import fc from 'fast-check';
import { from, type Observable, Subject } from 'rxjs';
import type { ModelConfig } from '../../src/model/config.js';
import type { Input } from '../../src/model/input.js';
import { createModel, type Model } from '../../src/model/model.js';
import type { Step } from '../../src/model/transfer.js';
import type { Example, LateTarget, Learned } from '../../src/operators/learned.js';
import { rollout } from '../../src/operators/rollout.js';
import { step } from '../../src/operators/step.js';
import { type KeyedStep, stepMany } from '../../src/operators/step-many.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { tbpttMany } from '../../src/operators/tbptt-many.js';
import { createRandom, type Random } from '../../src/random.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import { networks, seeds } from '../helpers/arbitraries.js';
import { bits } from '../helpers/bits.js';
import { law, type Verdict } from '../helpers/laws.js';
import { randomInput, randomTarget, randomWindows } from '../helpers/models.js';
import { drawItems } from '../helpers/schedules.js';

interface Value {
  readonly config: ModelConfig;
  readonly seed: number;
  readonly steps: number;
}

const values = fc.record<Value>({ config: networks(6), seed: seeds, steps: fc.integer({ min: 1, max: 12 }) });

const show = ({ logits, prediction, carry }: Step): string => [logits, prediction, carry].map(bits).join('|');

/** What one stream of a learner says; the trainer does not move, so streams that share it cannot see one another in it. */
const showLearned = (event: Learned): string => {
  if (event.kind === 'step') return `${event.number} ${event.loss} ${show(event.step)}`;
  if (event.kind !== 'update') return JSON.stringify({ ...event, prediction: undefined });
  const { loss, windows, steps, labelled } = event.update;
  return JSON.stringify({ loss, windows, steps, labelled });
};

/** Feeds each stream to a subscription of its own of one stream of outputs, drawn which comes next; what each said. */
function interleaved<In>(
  random: Random,
  inputs: readonly (readonly In[])[],
  subscribe: (source: Observable<In>, say: (said: string) => void) => void,
): string[][] {
  const sources = inputs.map(() => new Subject<In>());
  const said: string[][] = inputs.map(() => []);
  const at = inputs.map(() => 0);
  sources.forEach((source, i) => {
    subscribe(source, one => said[i].push(one));
  });
  for (;;) {
    const open = inputs.flatMap((list, i) => (at[i] < list.length ? [i] : []));
    if (open.length === 0) break;
    const i = open[random.integer(open.length)];
    sources[i].next(inputs[i][at[i]++]);
    if (at[i] === inputs[i].length) sources[i].complete();
  }
  return said;
}

function difference(what: string, alone: readonly string[][], among: readonly string[][]): Verdict {
  for (let i = 0; i < alone.length; i++) {
    if (alone[i].join('\n') !== among[i].join('\n')) return `${what}: stream ${i} says something else among others`;
  }
  return undefined;
}

interface Operators {
  step(model: Model): (source: Observable<Input>) => Observable<Step>;
  tbptt(trainer: Trainer): (source: Observable<Example | LateTarget>) => Observable<Learned>;
}

law('a subscription never sees the carry or the window of another of the same operator', {
  values,
  async holds(operators: Operators, { config, seed, steps }: Value): Promise<Verdict> {
    const model = await createModel(config, { seed });
    const trainer = createTrainer(model, { k1: 2, k2: 3, lateness: 2, optimizer: { kind: 'sgd', rate: 0 } });
    const random = createRandom(seed);
    const inputs = [0, 1, 2].map(() => Array.from({ length: steps }, () => randomInput(random, model)));
    const items = [0, 1, 2].map(() => drawItems(random, model, { steps, lateness: 2 }));

    const stepping = operators.step(model);
    const steps1 = (source: Observable<Input>, say: (said: string) => void): void => {
      source.pipe(stepping).subscribe(result => say(show(result)));
    };
    const learning = operators.tbptt(trainer);
    const learns = (source: Observable<Example | LateTarget>, say: (said: string) => void): void => {
      source.pipe(learning).subscribe({ next: event => say(showLearned(event)), error: error => say(String(error)) });
    };
    const aloneSteps = inputs.map(list => interleaved(random, [list], steps1)[0]);
    const aloneEvents = items.map(list => interleaved(random, [list], learns)[0]);
    return (
      difference('step', aloneSteps, interleaved(random, inputs, steps1)) ??
      difference('tbptt', aloneEvents, interleaved(random, items, learns))
    );
  },
  right: { step: model => step(model), tbptt: trainer => tbptt(trainer) },
  runs: 80,
  broken: {
    'a carry that all subscriptions share': {
      step: model => {
        let carry = model.zeroCarry();
        const shared: Model = {
          ...model,
          step(_carry, input) {
            const result = model.step(carry, input);
            carry = result.carry;
            return result;
          },
        };
        return step(shared);
      },
      tbptt: trainer => tbptt(trainer),
    },
    'a trainer that steps from the carry it saw last': {
      step: model => step(model),
      tbptt: trainer => {
        let newest = trainer.model.zeroCarry();
        const stepFrom: Trainer['step'] = (_carry, input) => {
          const result = trainer.step(newest, input);
          newest = result.carry;
          return result;
        };
        return tbptt({ ...trainer, step: stepFrom });
      },
    },
  },
});

/** Every array in a value, with its bits as text. */
function snapshot(value: unknown, found: [ArrayLike<number>, string][] = []): [ArrayLike<number>, string][] {
  if (ArrayBuffer.isView(value)) found.push([value as Float32Array, bits(value as Float32Array).join()]);
  else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) snapshot(part, found);
  return found;
}

/** Hands on what was emitted; a broken one hands on something of its own. */
type Emit = (result: Step) => Step;

law('nothing that is emitted, saved or given ever changes', {
  values,
  async holds(emit: Emit, { config, seed, steps }: Value): Promise<Verdict> {
    const model = await createModel(config, { seed });
    const changed = { ...model, step: ((carry, input) => emit(model.step(carry, input))) as typeof model.step };
    const trainer = createTrainer(model, { k1: 2, k2: 4, lateness: 2, optimizer: { kind: 'adam', rate: 0.05 } });
    const random = createRandom(seed);
    const kept: [ArrayLike<number>, string][] = [];
    const keep = (value: unknown): void => {
      kept.push(...snapshot(value));
    };
    const inputs = Array.from({ length: steps }, () => randomInput(random, model));
    const items = drawItems(random, model, { steps, lateness: 2 });
    const keyed = inputs.map((input, i) => ({ key: `${i % 3}`, input, target: randomTarget(random, model) }));
    const windows = randomWindows(model, [3, steps], seed);
    keep([inputs, items, keyed, windows, model.weights()]);

    from(inputs).pipe(step(changed)).subscribe(keep);
    from(keyed)
      .pipe(stepMany(model, { maxBatch: 2 }))
      .subscribe((result: KeyedStep) => keep(result));
    rollout(changed, { input: inputs[0], steps: 4, feed: 'constant' }).subscribe(keep);
    from(items)
      .pipe(tbptt(trainer))
      .subscribe(event => {
        keep(event);
        if ('state' in event) keep(event.state());
      });
    from(keyed).pipe(tbpttMany(trainer)).subscribe(keep);
    keep(trainer.gradients(windows));
    trainer.learnMany(windows);
    // Enough to fill the pieces of memory that emitted arrays lie in.
    for (let i = 0; i < 50; i++) changed.step(model.zeroCarry(), inputs[0]);

    const at = kept.findIndex(([array, text]) => bits(array).join() !== text);
    return at < 0 ? undefined : `array ${at} of ${kept.length} has changed from ${kept[at][1]}`;
  },
  right: result => result,
  runs: 60,
  broken: {
    'one array for all predictions': (() => {
      const buffers = new Map<number, Float32Array>();
      return ({ logits, carry, prediction }: Step): Step => {
        const buffer = buffers.get(prediction.length) ?? new Float32Array(prediction.length);
        buffers.set(prediction.length, buffer);
        buffer.set(prediction);
        return { logits, carry, prediction: buffer };
      };
    })(),
    'a carry that is written over once': (() => {
      let last: Step | undefined;
      return (result: Step): Step => {
        if (last) last.carry[0] += 1;
        last = result;
        return result;
      };
    })(),
  },
});
