import { WireError } from '../errors.js';
import { type ClientMessage, type Frames, frameCount, type InlineTargets, type Open } from './client-messages.js';
import { inSession } from './envelope.js';
import type { WireLimits } from './limits.js';
import type { Learning, WireModelConfig } from './settings.js';

/** Checks counts, products of sizes and the rules that hold for one message alone. Throws `WireError` with its session. */
export function validateClient(message: ClientMessage, limits: WireLimits): void {
  try {
    if (message.type === 'authenticate') {
      expect(message.session === 0, 'session of authenticate to be 0, the connection itself', message.session);
      checkName('token', message.token, limits);
      return;
    }
    expect(message.session >= 1, 'session to be 1 or more: 0 is the connection itself', message.session);
    switch (message.type) {
      case 'open':
        validateOpen(message, limits);
        break;
      case 'frames':
        validateFrames(message, limits);
        break;
      case 'targets':
        expect(message.forStep >= 1, 'forStep to be 1 or more', message.forStep);
        validateTargets(message, limits);
        break;
      case 'reset':
        expect(message.beforeSeq !== 0, 'beforeSeq to be 1 or more', 0);
        break;
    }
  } catch (error) {
    throw inSession(error, message.session);
  }
}

function validateFrames(message: Frames, limits: WireLimits): void {
  const { firstSeq, payload, targets } = message;
  expect(payload !== undefined, 'frames to hold tokens, features, text, pcm or points', 'none of them');
  const count = frameCount(payload);
  expect(count >= 1 && count <= limits.maxFrames, `1 to ${limits.maxFrames} frames`, count);
  expect(firstSeq >= 1, 'firstSeq to be 1 or more', firstSeq);
  expect(Number.isSafeInteger(firstSeq + count), 'the last frame number to be below 2^53 - 1', firstSeq + count);
  if (payload.kind === 'features') {
    const width = payload.values.length / payload.rows;
    expect(Number.isInteger(width) && width >= 1, `numbers for ${payload.rows} equal rows`, payload.values.length);
    expect(width <= limits.maxSize, `rows of at most ${limits.maxSize} numbers`, width);
  }
  if (targets !== undefined) {
    expect(targets.targets.length === count, `one target a frame (${count})`, targets.targets.length);
    validateTargets(targets, limits);
  }
}

function validateTargets({ forStep, targets, weights }: InlineTargets, limits: WireLimits): void {
  expect(targets.length >= 1 && targets.length <= limits.maxFrames, `1 to ${limits.maxFrames} targets`, targets.length);
  expect((weights ?? targets).length === targets.length, `one weight a target (${targets.length})`, weights?.length);
  expect(forStep !== 0, 'forStep to be 1 or more', 0);
  expect(Number.isSafeInteger((forStep ?? 0) + targets.length), 'the last step number to be below 2^53 - 1', 'more');
  for (const target of targets) {
    if (target instanceof Float32Array) {
      expect(target.length >= 1 && target.length <= limits.maxSize, `vectors of 1 to ${limits.maxSize}`, target.length);
    }
  }
}

function validateOpen(message: Open, limits: WireLimits): void {
  checkName('model', message.model, limits);
  checkName('token', message.resume?.token, limits);
  checkName('nonce', message.nonce, limits);
  if (message.fresh !== undefined) {
    expect(message.fresh.config !== undefined, 'fresh to have a config', 'none');
    validateConfig(message.fresh.config, limits);
  }
  if (message.learning !== undefined) {
    validateLearning(message.learning, limits);
  }
  checkUpTo('topK', message.want?.topK, limits.maxSize);
}

function validateLearning(learning: Learning, limits: WireLimits): void {
  const { k1, k2, lateness, horizon, maxSkipped, replay, freeze, maxGradientNorm, maxGradientElement, guard } =
    learning;
  const { loss, readout } = learning;
  for (const [name, value] of Object.entries({
    k1,
    k2,
    lateness,
    horizon,
    maxSkipped,
    capacity: replay?.capacity,
    windows: replay?.windows,
    every: guard?.every,
    maxRollbacks: guard?.maxRollbacks,
    'readout.k1': readout?.k1,
  })) {
    checkUpTo(name, value, limits.maxSteps);
  }
  expect((maxGradientNorm ?? 0) >= 0, 'maxGradientNorm to be 0 or more', maxGradientNorm);
  expect((maxGradientElement ?? 0) >= 0, 'maxGradientElement to be 0 or more', maxGradientElement);
  expect(readout === undefined || readout.optimizer !== undefined, 'readout to have an optimizer', 'none');
  checkUpTo('the count of classWeights', loss?.classWeights?.length, limits.maxSize);
  expect((freeze?.length ?? 0) <= limits.maxSteps, `at most ${limits.maxSteps} frozen tensors`, freeze?.length);
  for (const name of freeze ?? []) {
    checkName('freeze', name, limits);
  }
}

const gates = { rnn_tanh: 1, rnn_relu: 1, gru: 3, lstm: 4 } as const;

/** Counts weights and biases: each gate of a unit sees the inputs and the units of its layer, and has two biases. */
function validateConfig(config: WireModelConfig, limits: WireLimits): void {
  const { input, layers, output, skip, encoder, labels } = config;
  expect(input?.kind !== undefined && output?.kind !== undefined, 'input and output to have a kind', 'none');
  expect(layers.length >= 1 && layers.length <= limits.maxLayers, `1 to ${limits.maxLayers} layers`, layers.length);
  checkSize('input.size', input.size, limits);
  checkSize('output.size', output.size, limits);
  let below = input.size;
  let carried = 0;
  let parameters = 0;
  for (const [i, layer] of layers.entries()) {
    expect(layer.cell !== undefined, `layers[${i}] to have a cell`, 'none');
    checkSize(`layers[${i}].size`, layer.size, limits);
    parameters += gates[layer.cell] * layer.size * (below + layer.size + 2);
    carried += layer.size;
    below = layer.size + (skip ? input.size : 0);
  }
  const numbers =
    output.kind === 'gaussian' ? 2 * output.size : output.kind === 'mixture' ? 1 + 6 * output.size : output.size;
  parameters += numbers * ((skip ? carried : below) + 1);
  expect(parameters <= limits.maxParameters, `a model of at most ${limits.maxParameters} weights`, parameters);
  expect((labels?.length ?? 0) <= output.size, 'no more labels than outputs', labels?.length);
  for (const label of labels ?? []) {
    checkName('label', label, limits);
  }
  expect(encoder === undefined || encoder.kind !== '', 'encoder to have a kind', 'none');
  checkName('encoder.kind', encoder?.kind, limits);
}

function checkSize(name: string, size: number, limits: WireLimits): void {
  expect(size >= 1 && size <= limits.maxSize, `${name} to be 1 to ${limits.maxSize}`, size);
}

function checkUpTo(name: string, value: number | undefined, most: number): void {
  expect((value ?? 0) <= most, `${name} to be at most ${most}`, value);
}

function checkName(name: string, value: string | undefined, limits: WireLimits): void {
  expect((value?.length ?? 0) <= limits.maxName, `${name} to be at most ${limits.maxName} long`, value?.length);
}

function expect(holds: boolean, expected: string, got: unknown): void {
  if (!holds) {
    throw new WireError(`Expected ${expected}, got ${String(got)}`, 'invalid');
  }
}
