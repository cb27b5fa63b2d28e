import {
  copyModel,
  createEncoder,
  createModel,
  createTrainer,
  type Encoder,
  type Input,
  loadModel,
  type OptimizerConfig,
  type Step,
  type TrainableModel,
  type Trainer,
} from 'eddy';
import type { RemoteInput, RemoteItem, RemoteLearned, RemoteStep } from 'eddy/client';
import { afresh, type Example, encode, type Learned, type Reset, step, tbptt } from 'eddy/operators';
import { filter, identity, map, type OperatorFunction, pipe } from 'rxjs';
import { fetchBeside } from '../parts/server-events.js';
import { isShared, type Lessons, learnerEnding, type Network, type Runner, type RunOptions } from './runner.js';
import { whenReady } from './when-ready.js';

/** In this page, without a server. */
export function runHere(): Runner {
  const shipped = new Map<string, Promise<TrainableModel>>();
  const get = (network: Network): Promise<TrainableModel> => {
    if (typeof network !== 'string') return createModel(network);
    const loading = shipped.get(network) ?? fetchModel(network);
    shipped.set(network, loading);
    // One that could not be had is asked for again.
    loading.catch(() => shipped.delete(network));
    return loading;
  };
  const learner = async (network: Network): Promise<TrainableModel> => {
    const model = await get(network);
    return typeof network !== 'string' || isShared(network) ? model : copyModel(model);
  };
  return {
    place: 'here',

    step: <In extends RemoteInput | Reset>(network: Network, { carry, opened }: RunOptions = {}) =>
      whenReady<In, RemoteStep>(async () => {
        const model = await get(network);
        return {
          operator: pipe(
            afresh<RemoteInput, Step>(() => pipe(inputsOf(model), step(model, carry))),
            map((one, i) => numbered(one, i + 1)),
          ) as OperatorFunction<In, RemoteStep>,
          opened: () => opened?.(model.config),
        };
      }),

    learn: <In extends RemoteItem>(network: Network, lessons: Lessons, { carry, opened }: RunOptions = {}) =>
      whenReady<In, RemoteLearned>(async () => {
        const model = await learner(network);
        const trainer = createTrainer(model, { ...lessons, optimizer: lessons.optimizer as OptimizerConfig });
        const state = carry && { carry, steps: 0, updated: 0, entries: [] };
        const restore = restorer(trainer);
        const begin = (reset?: Reset): OperatorFunction<unknown, Learned> => {
          if (reset?.weights) restore();
          return pipe(examplesOf(model), tbptt(trainer, state));
        };
        return {
          operator: pipe(afresh(begin), filter(isTold), map(told)) as OperatorFunction<In, RemoteLearned>,
          opened: () => opened?.(model.config),
        };
      }),
  };
}

/** A model of the folder `models`, which stands beside the page. Rejects with a `LostError` where nobody answers. */
export async function fetchModel(name: string): Promise<TrainableModel> {
  const file = isShared(name) ? name.slice(0, -learnerEnding.length) : name;
  const response = await fetchBeside(`./models/${file}.safetensors`, `The network “${file}”`);
  return (await loadModel(new Uint8Array(await response.arrayBuffer()))) as TrainableModel;
}

/** Raw data goes through the encoder of the model, as it does on the server; inputs pass as they are. */
function inputsOf<In extends RemoteInput>({ config }: TrainableModel): OperatorFunction<In, Input> {
  const isInput = (raw: unknown): raw is Input => typeof raw === 'number' || raw instanceof Float32Array;
  if (!config.encoder) return identity as unknown as OperatorFunction<In, Input>;
  const encoder = createEncoder(config.encoder);
  return encode({
    ...encoder,
    encode: (state, raw) => (isInput(raw) ? { state, inputs: [raw] } : encoder.encode(state, raw)),
  } as Encoder<In, unknown, Input>);
}

/** Raw data as examples without a target; examples pass as they are. */
function examplesOf({ config }: TrainableModel): OperatorFunction<unknown, Example<Input>> {
  if (!config.encoder) return identity as OperatorFunction<unknown, Example<Input>>;
  const encoder = createEncoder(config.encoder);
  const asExamples = (inputs: readonly Input[]) => inputs.map(input => ({ input }));
  const isRaw = (item: unknown): boolean => typeof item === 'string' || Array.isArray(item);
  return encode({
    ...encoder,
    encode(before: unknown, item: unknown) {
      if (!isRaw(item)) return { state: before, inputs: [item] };
      const { state, inputs } = encoder.encode(before, item);
      return { state, inputs: asExamples(inputs) };
    },
    finish: (state: unknown) => asExamples(encoder.finish(state)),
  } as unknown as Encoder<unknown, unknown, Input>) as unknown as OperatorFunction<unknown, Example<Input>>;
}

/** What a reset of the weights does on the server, too. */
function restorer(trainer: Trainer): () => void {
  const weights = trainer.model.weights();
  const counters = trainer.counters();
  return () => {
    trainer.model.setWeights(weights);
    for (const moment of Object.values(trainer.optimizer.moments)) moment.array.fill(0);
    trainer.restore(counters);
  };
}

function numbered(one: Step, number: number): RemoteStep {
  return { number, ...one };
}

type Told = Exclude<Learned, { kind: 'rollback' }>;

/** Only what comes over the wire, too. */
function isTold(event: Learned): event is Told {
  return event.kind !== 'rollback' && !(event.kind === 'late' && event.loss === null);
}

function told(event: Told): RemoteLearned {
  if (event.kind === 'step') return { ...event, step: numbered(event.step, event.number) };
  if (event.kind === 'late') return { kind: 'late', number: event.number, loss: event.loss! };
  if (event.kind !== 'update') return event;
  // No guard is asked for here, so there is nothing to roll back.
  const { rollback: _, ...update } = event.update;
  return { kind: 'update', update };
}
