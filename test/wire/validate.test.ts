import test from 'ava';
import { WireError } from '../../src/errors.js';
import {
  type ClientMessage,
  defaultLimits,
  type Frames,
  type Open,
  type WireModelConfig,
} from '../../src/wire/messages.js';
import { validateClient } from '../../src/wire/validate.js';

const frames: Frames = { type: 'frames', session: 1, firstSeq: 1, payload: { kind: 'tokens', ids: [1, 2] } };
const features = (rows: number, numbers: number): Frames => ({
  ...frames,
  payload: { kind: 'features', rows, values: new Float32Array(numbers) },
});
const config: WireModelConfig = {
  input: { kind: 'features', size: 3 },
  layers: [{ cell: 'gru', size: 8 }],
  output: { kind: 'values', size: 3 },
};
const open: Open = { type: 'open', session: 1, fresh: { config } };
const fresh = (changed: object): Open => ({ ...open, fresh: { config: { ...config, ...changed } as WireModelConfig } });
const layers = (count: number, size: number) =>
  fresh({ layers: Array.from({ length: count }, () => ({ cell: 'lstm', size })) });
const targets = { type: 'targets', session: 1, forStep: 1, targets: [1] } as const;
const huge = Number.MAX_SAFE_INTEGER;

const good: Record<string, ClientMessage> = {
  'a model that fits': open,
  'a model of as many layers as there may be': layers(64, 8),
  'a model of as many weights as there may be': layers(1, 2045),
  'learning with every setting at its bound': {
    ...open,
    learning: { k1: 65_536, k2: 65_536, lateness: 65_536, horizon: 65_536, replay: { capacity: 65_536, windows: 1 } },
  },
  frames,
  'as many frames as there may be': { ...frames, payload: { kind: 'text', chunks: Array(4096).fill('') } },
  'frames of many rows': features(4096, 4096 * 2),
  'a row as wide as it may be': features(1, 65_536),
  'numbers that are not finite, which the session judges': {
    ...frames,
    payload: { kind: 'features', rows: 1, values: Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY) },
  },
  'frames up to the last number': { ...frames, firstSeq: huge - 2 },
  'a target a frame': { ...frames, targets: { targets: [1, null] } },
  targets,
  'a weight a target': { ...frames, targets: { targets: [1, null], weights: [0.5, 0] } },
  'a reset here': { type: 'reset', session: 1 },
};

for (const [name, message] of Object.entries(good)) {
  test(`${name} passes`, t => t.notThrows(() => validateClient(message, defaultLimits)));
}

const bad: Record<string, [message: ClientMessage, expected: string]> = {
  'the session of the connection': [
    { ...frames, session: 0 },
    'Expected session to be 1 or more: 0 is the connection itself, got 0',
  ],
  'frames of nothing': [
    { ...frames, payload: undefined as never },
    'Expected frames to hold tokens, features, text, pcm or points, got none of them',
  ],
  'no frames': [{ ...frames, payload: { kind: 'tokens', ids: [] } }, 'Expected 1 to 4096 frames, got 0'],
  'too many frames': [
    { ...frames, payload: { kind: 'pcm', chunks: Array(4097).fill(new Float32Array(0)) } },
    'Expected 1 to 4096 frames, got 4097',
  ],
  'too many rows': [features(2 ** 32 - 1, 4), 'Expected 1 to 4096 frames, got 4294967295'],
  'a frame number of 0': [{ ...frames, firstSeq: 0 }, 'Expected firstSeq to be 1 or more, got 0'],
  'frames beyond the last number': [
    { ...frames, firstSeq: huge },
    'Expected the last frame number to be below 2^53 - 1, got 9007199254740992',
  ],
  'rows that are not equal': [features(3, 7), 'Expected numbers for 3 equal rows, got 7'],
  'rows of nothing': [features(1, 0), 'Expected numbers for 1 equal rows, got 0'],
  'a row that is too wide': [features(1, 65_537), 'Expected rows of at most 65536 numbers, got 65537'],
  'fewer targets than frames': [{ ...frames, targets: { targets: [1] } }, 'Expected one target a frame (2), got 1'],
  'more targets than frames': [
    { ...frames, targets: { targets: [1, 2, 3] } },
    'Expected one target a frame (2), got 3',
  ],
  'late targets of step 0': [
    { ...frames, targets: { forStep: 0, targets: [1, 2] } },
    'Expected forStep to be 1 or more, got 0',
  ],
  'targets of no step': [{ ...targets, forStep: 0 }, 'Expected forStep to be 1 or more, got 0'],
  'no targets': [{ ...targets, targets: [] }, 'Expected 1 to 4096 targets, got 0'],
  'targets beyond the last step': [
    { ...targets, forStep: huge },
    'Expected the last step number to be below 2^53 - 1, got more',
  ],
  'an empty target': [{ ...targets, targets: [new Float32Array(0)] }, 'Expected vectors of 1 to 65536, got 0'],
  'a target that is too wide': [
    { ...targets, targets: [new Float32Array(65_537)] },
    'Expected vectors of 1 to 65536, got 65537',
  ],
  'a reset before frame 0': [{ type: 'reset', session: 1, beforeSeq: 0 }, 'Expected beforeSeq to be 1 or more, got 0'],
  'a long name': [
    { type: 'open', session: 1, model: 'm'.repeat(1025) },
    'Expected model to be at most 1024 long, got 1025',
  ],
  'a long token': [
    { ...open, resume: { token: 't'.repeat(1025), receivedSeq: 0 } },
    'Expected token to be at most 1024 long, got 1025',
  ],
  'a fresh model of no kind': [{ ...open, fresh: {} as never }, 'Expected fresh to have a config, got none'],
  'an input of no kind': [fresh({ input: { size: 3 } }), 'Expected input and output to have a kind, got none'],
  'no output': [fresh({ output: undefined }), 'Expected input and output to have a kind, got none'],
  'no layers': [layers(0, 1), 'Expected 1 to 64 layers, got 0'],
  'too many layers': [layers(65, 1), 'Expected 1 to 64 layers, got 65'],
  'a layer of no cell': [fresh({ layers: [{ size: 3 }] }), 'Expected layers[0] to have a cell, got none'],
  'a layer of no units': [layers(2, 0), 'Expected layers[0].size to be 1 to 65536, got 0'],
  'an input that is too wide': [
    fresh({ input: { kind: 'token', size: 65_537 } }),
    'Expected input.size to be 1 to 65536, got 65537',
  ],
  'an output of nothing': [
    fresh({ output: { kind: 'values', size: 0 } }),
    'Expected output.size to be 1 to 65536, got 0',
  ],
  'sizes whose product is too large': [layers(1, 2047), 'Expected a model of at most 16777216 weights, got 16807920'],
  'many layers whose sum is too large': [layers(64, 256), 'Expected a model of at most 16777216 weights, got 33427203'],
  'skips whose sum is too large': [
    fresh({ input: { kind: 'token', size: 65_536 }, skip: true, layers: Array(11).fill({ cell: 'gru', size: 8 }) }),
    'Expected a model of at most 16777216 weights, got 17306331',
  ],
  'more labels than outputs': [fresh({ labels: ['a', 'b', 'c', 'd'] }), 'Expected no more labels than outputs, got 4'],
  'a long label': [fresh({ labels: ['l'.repeat(1025)] }), 'Expected label to be at most 1024 long, got 1025'],
  'an encoder of no kind': [fresh({ encoder: { kind: '' } }), 'Expected encoder to have a kind, got none'],
  'a long k2': [{ ...open, learning: { k2: 65_537 } }, 'Expected k2 to be at most 65536, got 65537'],
  'a large replay': [
    { ...open, learning: { replay: { capacity: 65_537, windows: 1 } } },
    'Expected capacity to be at most 65536, got 65537',
  ],
  'weights of other targets': [{ ...targets, weights: [1, 2] }, 'Expected one weight a target (1), got 2'],
  'fewer weights than targets': [
    { ...frames, targets: { targets: [1, 2], weights: [1] } },
    'Expected one weight a target (2), got 1',
  ],
  'a readout without an optimizer': [
    { ...open, learning: { readout: { k1: 1 } } },
    'Expected readout to have an optimizer, got none',
  ],
  'a readout that learns too seldom': [
    { ...open, learning: { readout: { optimizer: { kind: 'sgd', rate: 0.1 }, k1: 65_537 } } },
    'Expected readout.k1 to be at most 65536, got 65537',
  ],
  'weights of too many classes': [
    { ...open, learning: { loss: { kind: 'cross-entropy', classWeights: Array(65_537).fill(1) } } },
    'Expected the count of classWeights to be at most 65536, got 65537',
  ],
  'a negative gradient norm': [
    { ...open, learning: { maxGradientNorm: -1 } },
    'Expected maxGradientNorm to be 0 or more, got -1',
  ],
  'a large k': [{ ...open, want: { answer: 'top-k', topK: 65_537 } }, 'Expected topK to be at most 65536, got 65537'],
};

for (const [name, [message, expected]] of Object.entries(bad)) {
  test(`${name} is refused`, t => {
    const error = t.throws(() => validateClient(message, defaultLimits), { instanceOf: WireError, message: expected });
    t.is(error.fault, 'invalid');
    t.is(error.session, message.session);
  });
}
