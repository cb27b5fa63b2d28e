/**
 * Records what the messages of eddy.v1 look like, so that they stay so: `messages.json` (bytes, JSON text and record of
 * each message) and `schema.json` (number, name and type of each field and enum value). Only adds: what is recorded is
 * kept as it is, and a test fails if it is read otherwise. Run after `npm run build`:
 * node test/golden/wire/make.js && npx biome format --write test/golden/wire
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { schema } from '../../../dist/src/wire/eddy.generated.js';
import { encodeClient, encodeServer } from '../../../dist/src/wire/messages.js';

const at = name => new URL(name, import.meta.url);
const floats = (...numbers) => Float32Array.from(numbers);

const client = {
  'open, the default model': { type: 'open', session: 1, resumable: false },
  'open, a fresh mixture': {
    type: 'open',
    session: 7,
    resumable: false,
    fresh: {
      config: {
        input: { kind: 'features', size: 3 },
        layers: [{ cell: 'gru', size: 4 }],
        output: { kind: 'mixture', size: 2 },
      },
    },
  },
  'open, learning': {
    type: 'open',
    session: 2,
    model: 'sensors',
    learn: 'private',
    learning: {
      k1: 4,
      k2: 16,
      lateness: 1,
      optimizer: { kind: 'adam', rate: 0.002, momentum: 0.5, beta1: 0, beta2: 0.999, epsilon: 1e-8 },
      maxGradientNorm: 1,
      freeze: ['readout.bias'],
      maxSkipped: 10,
      replay: { capacity: 64, windows: 1 },
      targetSource: 'input',
      horizon: 3,
    },
    want: { answer: 'top-k', topK: 3, every: 2, last: true, logits: true, carry: true },
    resumable: true,
    resume: { token: 'a-token', receivedSeq: 41 },
    carry: floats(0, -0.25, Number.NaN),
  },
  'open, a fresh model': {
    type: 'open',
    session: 3,
    fresh: {
      config: {
        input: { kind: 'features', size: 3 },
        layers: [
          { cell: 'gru', size: 8, initialization: 'orthogonal' },
          { cell: 'rnn_relu', size: 4, initialization: 'np-rnn' },
        ],
        output: { kind: 'values', size: 2 },
        skip: true,
        encoder: { columns: ['cpu', 'memory'], kind: 'readings' },
        labels: ['cpu', 'memory'],
      },
      seed: 9007199254740991,
    },
    resumable: false,
  },
  'open, a fresh model of means and deviations': {
    type: 'open',
    session: 5,
    fresh: {
      config: {
        input: { kind: 'features', size: 1 },
        layers: [{ cell: 'gru', size: 8, initialization: 'orthogonal' }],
        output: { kind: 'gaussian', size: 1 },
      },
    },
    resumable: false,
  },
  'open, no gradient clipping': {
    type: 'open',
    session: 4,
    learn: 'shared',
    learning: {
      optimizer: { kind: 'sgd', rate: 0.1 },
      maxGradientNorm: Number.POSITIVE_INFINITY,
      targetSource: 'sent',
    },
    want: { answer: 'none', topK: 0, every: 0, last: false, logits: false, carry: false },
    resumable: false,
  },
  'open, other optimizers': {
    type: 'open',
    session: 5,
    learn: 'private',
    learning: {
      optimizer: {
        kind: 'rmsprop',
        rate: 0.01,
        decay: 0.99,
        schedule: { kind: 'inverse-sqrt', warmup: 10, period: 1000, until: 5000 },
      },
    },
    resumable: false,
  },
  'open, a schedule that ends': {
    type: 'open',
    session: 6,
    learning: {
      optimizer: { kind: 'adagrad', weightDecay: 0.01, schedule: { kind: 'linear', steps: 1000, final: 0.1 } },
    },
    resumable: false,
  },
  'open, a schedule that stays': {
    type: 'open',
    session: 7,
    learning: { optimizer: { schedule: { kind: 'constant' } } },
    resumable: false,
  },
  'open, replay that is drawn again': {
    type: 'open',
    session: 8,
    learning: { replay: { capacity: 512, windows: 1, seed: 7 } },
    resumable: false,
  },
  'open, with a guard': {
    type: 'open',
    session: 9,
    learn: 'shared',
    learning: {
      guard: { leap: 3, every: 100, lower: 0.5, recover: 1.003, least: 0.0078125, maxNorm: 2, maxRollbacks: 100 },
    },
    resumable: false,
  },
  'open, with bounds': {
    type: 'open',
    session: 12,
    learn: 'private',
    learning: { maxGradientElement: 0.5, guard: { longest: Number.POSITIVE_INFINITY, largest: 4 } },
    resumable: false,
  },
  ...Object.fromEntries(
    [
      { kind: 'cross-entropy', classWeights: [1, 0.1, 20] },
      { kind: 'binary-cross-entropy' },
      { kind: 'squared-error' },
      { kind: 'huber', delta: 0.5 },
      { kind: 'gaussian', beta: 0 },
      { kind: 'mixture-density' },
      { kind: 'ctc', blank: 0 },
    ].map(loss => [
      `open, with the loss ${loss.kind}`,
      { type: 'open', session: 13, learn: 'private', learning: { loss }, resumable: false },
    ]),
  ),
  'open, a readout with a rule of its own': {
    type: 'open',
    session: 14,
    learn: 'private',
    learning: { k1: 8, readout: { optimizer: { kind: 'sgd', rate: 0.1 }, k1: 2 } },
    resumable: false,
  },
  'frames, targets with weights': {
    type: 'frames',
    session: 1,
    firstSeq: 3,
    payload: { kind: 'tokens', ids: [1, 2] },
    targets: { targets: [2, 3], weights: [0, 2.5] },
  },
  'targets with weights': { type: 'targets', session: 1, forStep: 3, targets: [2, null], weights: [0.1, 1] },
  'open, sent again': { type: 'open', session: 10, resumable: true, nonce: 'drawn-at-random' },
  'open, to go on': {
    type: 'open',
    session: 11,
    resumable: true,
    resume: { token: 'a-token', receivedSeq: 41, receivedMessages: 7 },
  },
  'frames, features': {
    type: 'frames',
    session: 1,
    firstSeq: 1,
    payload: { kind: 'features', rows: 2, values: floats(0.5, -1.25, Number.NaN, 3e38) },
  },
  'frames, tokens with acknowledgement and targets': {
    type: 'frames',
    session: 4294967295,
    firstSeq: 4503599627370496,
    ack: 0,
    payload: { kind: 'tokens', ids: [0, 104, 4294967295] },
    targets: { targets: [0, null, floats(1, 0)] },
  },
  'frames, late targets': {
    type: 'frames',
    session: 1,
    firstSeq: 8,
    payload: { kind: 'features', rows: 1, values: floats(0.1) },
    targets: { forStep: 7, targets: [floats(0.1)] },
  },
  'frames, text': {
    type: 'frames',
    session: 1,
    firstSeq: 1,
    payload: { kind: 'text', chunks: ['h(t) moves', 'ŷ 😀', ''] },
  },
  'frames, sound of another rate': {
    type: 'frames',
    session: 1,
    firstSeq: 2,
    payload: { kind: 'pcm', chunks: [{ rate: 16000, samples: floats(0.25, -0.5) }] },
  },
  'frames, sound': { type: 'frames', session: 1, firstSeq: 1, payload: { kind: 'pcm', chunks: [floats(0, -1, 0.5)] } },
  'frames, ink': {
    type: 'frames',
    session: 1,
    firstSeq: 1,
    payload: {
      kind: 'points',
      chunks: [
        [
          { x: 1.5, y: -2, time: 0, pressure: 0, up: false },
          { x: 2, y: 0.25, time: 16.7, up: true },
        ],
      ],
    },
  },
  targets: { type: 'targets', session: 1, forStep: 300, targets: [2, null, floats(0.5)] },
  finish: { type: 'finish', session: 1, carry: true, state: true },
  'finish, after a frame': { type: 'finish', session: 1, carry: false, state: false, afterSeq: 41 },
  reset: { type: 'reset', session: 1, beforeSeq: 12, weights: true },
  'reset, here': { type: 'reset', session: 1, weights: false },
  snapshot: { type: 'snapshot', session: 1 },
  restore: { type: 'restore', session: 1, data: Uint8Array.of(0, 255, 7) },
  ack: { type: 'ack', session: 1, seq: 9007199254740991 },
  close: { type: 'close', session: 1 },
  authenticate: { type: 'authenticate', session: 0, token: 'a-bearer-token' },
};

const server = {
  opened: {
    type: 'opened',
    session: 2,
    token: 'a-token',
    model: 'sensors',
    modelHash: 'c0ffee',
    config: {
      input: { kind: 'token', size: 256 },
      layers: [{ cell: 'lstm', size: 2, initialization: 'pytorch' }],
      output: { kind: 'classes', size: 256 },
      skip: false,
    },
    carryLayout: [
      { name: 'layers.0.h', length: 2 },
      { name: 'layers.0.c', length: 2 },
    ],
    learn: 'none',
    learning: { k1: 1 },
    want: { answer: 'argmax', topK: 0, every: 1, last: false, logits: false, carry: false },
    resumable: true,
    credit: 64,
    nextSeq: 1,
    nextStep: 1,
  },
  'opened, other names': {
    type: 'opened',
    session: 5,
    token: '',
    model: '',
    modelHash: '',
    config: {
      input: { kind: 'features', size: 1 },
      layers: [{ cell: 'rnn_tanh', size: 1, initialization: 'irnn' }],
      output: { kind: 'labels', size: 1 },
      skip: false,
    },
    carryLayout: [],
    want: { answer: 'whole', topK: 0, every: 0, last: false, logits: false, carry: false },
    resumable: false,
    credit: 1,
    nextSeq: 42,
    nextStep: 43,
  },
  'opened, again': {
    type: 'opened',
    session: 11,
    token: 'a-token',
    model: 'sensors',
    modelHash: 'c0ffee',
    carryLayout: [],
    resumable: true,
    credit: 64,
    nextSeq: 45,
    nextStep: 45,
    takenMessages: 3,
    resumeSeconds: 300,
  },
  predictions: {
    type: 'predictions',
    session: 1,
    firstSeq: 7,
    entries: [
      { firstStep: 7, stepCount: 1, answers: [{ step: 7, prediction: floats(0.1, 0.9), loss: Math.LN2 }] },
      { firstStep: 0, stepCount: 0, answers: [] },
      {
        firstStep: 8,
        stepCount: 2,
        answers: [
          { step: 9, topIndices: [3, 0], topValues: floats(0.75, 0.25), logits: floats(), carry: floats(0.5, -0.5) },
        ],
      },
    ],
  },
  'predictions, with losses of earlier steps': {
    type: 'predictions',
    session: 1,
    firstSeq: 2,
    entries: [
      {
        firstStep: 2,
        stepCount: 1,
        answers: [{ step: 2, prediction: floats(0.5) }],
        losses: [{ step: 1, loss: 0.125 }],
      },
      {
        firstStep: 0,
        stepCount: 0,
        answers: [],
        losses: [
          { step: 2, loss: 0.5 },
          { step: 1, loss: 0 },
        ],
      },
    ],
  },
  'predictions, an input that was brought down': {
    type: 'predictions',
    session: 1,
    firstSeq: 9,
    entries: [{ firstStep: 9, stepCount: 1, answers: [{ step: 9, prediction: floats(0.5), limited: true }] }],
  },
  losses: { type: 'losses', session: 1, losses: [{ step: 6, loss: 0.25 }] },
  updated: {
    type: 'updated',
    session: 1,
    count: 12,
    loss: 1.5,
    gradientNorm: 2.25,
    clipped: true,
    skipped: false,
    windows: 2,
    steps: 32,
    labelled: 8,
    short: 1,
  },
  'updated, skipped': {
    type: 'updated',
    session: 1,
    count: 12,
    loss: Number.NaN,
    gradientNorm: Number.POSITIVE_INFINITY,
    clipped: false,
    skipped: true,
    windows: 1,
    steps: 16,
    labelled: 4,
    short: 0,
  },
  'updated, with replay': {
    type: 'updated',
    session: 1,
    count: 3,
    loss: 0.5,
    gradientNorm: 0.25,
    clipped: false,
    skipped: false,
    windows: 2,
    replayed: 1,
    steps: 32,
    labelled: 4,
    short: 0,
  },
  'updated, shortened': {
    type: 'updated',
    session: 1,
    count: 40,
    loss: 0.5,
    gradientNorm: 0.25,
    clipped: false,
    skipped: false,
    windows: 1,
    replayed: 0,
    steps: 16,
    labelled: 1,
    short: 0,
    shortened: true,
  },
  'updated, the readout alone': {
    type: 'updated',
    session: 1,
    count: 7,
    loss: 0.5,
    gradientNorm: 0.25,
    clipped: false,
    skipped: false,
    windows: 0,
    replayed: 0,
    steps: 2,
    labelled: 2,
    short: 0,
    readout: true,
  },
  ...Object.fromEntries(
    ['leap', 'not-finite', 'norm'].map(reason => [
      `updated, rolled back: ${reason}`,
      {
        type: 'updated',
        session: 1,
        count: 300,
        loss: 9.5,
        gradientNorm: 80,
        clipped: true,
        skipped: false,
        windows: 1,
        replayed: 0,
        steps: 16,
        labelled: 1,
        short: 0,
        rollback: { reason, lost: 120, rate: 0.5, inRow: 1, toStep: 180 },
      },
    ]),
  ),
  credit: { type: 'credit', session: 1, frames: 32 },
  duplicate: { type: 'duplicate', session: 1, firstSeq: 3, count: 2 },
  expiring: { type: 'expiring', session: 1, milliseconds: 60000, reason: 'idle' },
  'snapshot data': {
    type: 'snapshotData',
    session: 1,
    data: Uint8Array.of(1, 2, 3),
    seq: 9,
    step: 10,
    modelHash: 'c0ffee',
  },
  'fault, gap': {
    type: 'fault',
    session: 1,
    code: 'gap',
    forSeq: 9,
    retryable: true,
    message: 'Expected 7',
    expectedSeq: 7,
  },
  'fault, bad input': {
    type: 'fault',
    session: 1,
    code: 'bad_input',
    forSeq: 9,
    forStep: 8,
    retryable: false,
    message: 'Expected a finite number',
    index: 2,
  },
  'fault, of the connection': {
    type: 'fault',
    session: 0,
    code: 'rate_limited',
    retryable: true,
    message: 'slower',
    retryAfterMilliseconds: 500,
  },
  finished: {
    type: 'finished',
    session: 1,
    carry: floats(1, -1),
    state: Uint8Array.of(9),
    totals: {
      frames: 100,
      refusedFrames: 1,
      steps: 99,
      targets: 50,
      expiredTargets: 2,
      updates: 25,
      skippedUpdates: 3,
      meanLoss: 0.125,
    },
  },
  'finished, after rollbacks': {
    type: 'finished',
    session: 1,
    totals: {
      frames: 100,
      refusedFrames: 0,
      steps: 100,
      targets: 100,
      expiredTargets: 0,
      updates: 100,
      skippedUpdates: 0,
      rollbacks: 2,
    },
  },
  'finished, after what a guard did': {
    type: 'finished',
    session: 1,
    totals: {
      frames: 100,
      refusedFrames: 0,
      steps: 100,
      targets: 100,
      expiredTargets: 0,
      updates: 100,
      skippedUpdates: 0,
      rollbacks: 0,
      shortenedUpdates: 3,
      limitedInputs: 1,
    },
  },
};

/** Typed arrays and numbers that JSON has no word for. */
function written(_key, value) {
  if (value instanceof Float32Array) return { float32: Array.from(value, String) };
  if (value instanceof Uint8Array) return { bytes: Array.from(value) };
  return typeof value === 'number' && !Number.isFinite(value) ? { number: String(value) } : value;
}

function read(name) {
  return existsSync(at(name)) ? JSON.parse(readFileSync(at(name), 'utf8')) : undefined;
}

const messages = read('messages.json') ?? {};
for (const [side, encode, all] of [
  ['client', encodeClient, client],
  ['server', encodeServer, server],
]) {
  for (const [name, message] of Object.entries(all)) {
    messages[`${side}: ${name}`] ??= {
      hex: Buffer.from(encode(message, 'eddy.v1.proto')).toString('hex'),
      json: encode(message, 'eddy.v1.json'),
      record: message,
    };
  }
}
writeFileSync(at('messages.json'), `${JSON.stringify(messages, written, 2)}\n`);

const recorded = read('schema.json') ?? {};
for (const [message, fields] of Object.entries(schema.messages)) {
  for (const { id, name, proto: _, ...rest } of fields) {
    recorded[`${message}.${id}`] ??= [name, ...Object.entries(rest).map(pair => pair.join(' '))].join(', ');
  }
}
for (const [name, values] of Object.entries(schema.enums)) {
  for (const [value, number] of Object.entries(values)) recorded[`${name}.${number}`] ??= value;
}
writeFileSync(at('schema.json'), `${JSON.stringify(recorded, null, 2)}\n`);
