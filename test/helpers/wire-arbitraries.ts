import fc from 'fast-check';
import type {
  ClientMessage,
  Fault,
  Learning,
  Payload,
  ServerMessage,
  StepAnswer,
  TargetValue,
  Want,
  WireModelConfig,
} from '../../src/wire/messages.js';

/** Decoded messages as they come, one arbitrary a message: every one is its own round trip. */

const uint32 = fc.oneof(fc.nat(200), fc.nat({ max: 2 ** 31 - 1 }), fc.constant(2 ** 32 - 1));
const sequence = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.integer({ min: 1, max: 2 ** 52 }),
  fc.constant(2 ** 53 - 8000),
);
const count = fc.oneof(fc.nat(300), fc.maxSafeNat());
const session = fc.oneof(
  fc.integer({ min: 1, max: 3 }),
  fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  fc.constant(2 ** 32 - 1),
);
const text = fc.string({ unit: 'binary', maxLength: 12 });
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const coordinate = fc.float({ noNaN: true, noDefaultInfinity: true });

/** Float32 numbers of any kind: NaN, infinities, subnormals and both zeros among them. */
export const floats = (minLength = 0, maxLength = 40) =>
  fc.array(fc.float(), { minLength, maxLength }).map(numbers => Float32Array.from(numbers));

/** A record with some of its optional keys left out altogether. */
function some<T extends object>(required: { [K in keyof T]?: fc.Arbitrary<T[K]> }, optional: object): fc.Arbitrary<T> {
  const keys = Object.keys(required);
  return fc.record({ ...required, ...optional } as never, { requiredKeys: keys as never }) as fc.Arbitrary<T>;
}

const target: fc.Arbitrary<TargetValue> = fc.oneof(uint32, floats(1, 5), fc.constant(null));

const point = fc.oneof(
  fc.record({ x: coordinate, y: coordinate, time: finite, up: fc.boolean() }),
  fc.record({ x: coordinate, y: coordinate, time: finite, pressure: coordinate, up: fc.boolean() }),
);

const rows = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 30 }))
  .chain(([rows, width]) =>
    floats(rows * width, rows * width).map(values => ({ kind: 'features' as const, rows, values })),
  );

const few = { minLength: 1, maxLength: 4 };

export const payload: fc.Arbitrary<Payload> = fc.oneof(
  fc.record({ kind: fc.constant('tokens' as const), ids: fc.array(uint32, { minLength: 1, maxLength: 20 }) }),
  rows,
  fc.record({ kind: fc.constant('text' as const), chunks: fc.array(text, few) }),
  fc.record({
    kind: fc.constant('pcm' as const),
    chunks: fc.array(
      fc.oneof(floats(), fc.record({ rate: fc.integer({ min: 1, max: 2 ** 32 - 1 }), samples: floats() })),
      few,
    ),
  }),
  fc.record({ kind: fc.constant('points' as const), chunks: fc.array(fc.array(point, { maxLength: 3 }), few) }),
);

const frameCounts = { tokens: 'ids', text: 'chunks', pcm: 'chunks', points: 'chunks' } as const;

function framesOf(p: Payload): number {
  return p.kind === 'features' ? p.rows : (p as never as Record<string, unknown[]>)[frameCounts[p.kind]].length;
}

const layer = some<WireModelConfig['layers'][number]>(
  { cell: fc.constantFrom('rnn_tanh', 'rnn_relu', 'gru', 'lstm'), size: fc.integer({ min: 1, max: 128 }) },
  { initialization: fc.constantFrom('pytorch', 'orthogonal', 'irnn', 'np-rnn') },
);

const config = some<WireModelConfig>(
  {
    input: fc.record({ kind: fc.constantFrom('token', 'features'), size: fc.integer({ min: 1, max: 300 }) }),
    layers: fc.array(layer, { minLength: 1, maxLength: 3 }),
    output: fc.record({
      kind: fc.constantFrom('classes', 'labels', 'values', 'gaussian'),
      size: fc.integer({ min: 3, max: 300 }),
    }),
    skip: fc.boolean(),
  },
  {
    labels: fc.array(text, { minLength: 1, maxLength: 3 }),
    encoder: fc.record({
      kind: fc.constantFrom('bytes', 'log-mel'),
      bands: fc.nat(80),
      window: fc.constantFrom('hann'),
    }),
  },
);

const optional = (entries: object) => fc.record(entries as never, { requiredKeys: [] });

const optimizer = optional({
  kind: fc.constantFrom('sgd', 'adam', 'rmsprop', 'adagrad'),
  rate: finite,
  momentum: finite,
  beta1: finite,
  beta2: finite,
  epsilon: finite,
  decay: finite,
  weightDecay: finite,
  schedule: optional({
    kind: fc.constantFrom('constant', 'inverse-sqrt', 'linear'),
    warmup: uint32,
    period: finite,
    until: finite,
    steps: finite,
    final: finite,
  }),
});

const lossKinds = [
  'cross-entropy',
  'binary-cross-entropy',
  'squared-error',
  'huber',
  'gaussian',
  'mixture-density',
  'ctc',
] as const;

const learning = optional({
  k1: fc.nat(65_536),
  k2: fc.nat(65_536),
  lateness: fc.nat(65_536),
  optimizer,
  loss: optional({
    kind: fc.constantFrom(...lossKinds),
    delta: finite,
    beta: finite,
    blank: uint32,
    classWeights: fc.array(fc.double(), { minLength: 1, maxLength: 4 }),
  }),
  readout: some<never>({ optimizer } as never, { k1: fc.nat(65_536) }),
  maxGradientNorm: fc.double({ min: Number.MIN_VALUE, noNaN: true }),
  maxGradientElement: fc.double({ min: Number.MIN_VALUE, noNaN: true }),
  freeze: fc.array(text, { minLength: 1, maxLength: 3 }),
  maxSkipped: fc.nat(65_536),
  replay: some<never>({ capacity: fc.nat(65_536), windows: fc.nat(65_536) } as never, { seed: count }),
  targetSource: fc.constantFrom('sent', 'input'),
  horizon: fc.nat(65_536),
  guard: optional({
    longest: fc.double({ min: Number.MIN_VALUE, noNaN: true }),
    largest: fc.double({ min: Number.MIN_VALUE, noNaN: true }),
    leap: finite,
    every: fc.nat(65_536),
    lower: finite,
    recover: finite,
    least: finite,
    maxNorm: finite,
    maxRollbacks: fc.nat(65_536),
  }),
}) as fc.Arbitrary<Learning>;

const want = some<Want>(
  { topK: fc.nat(65_536), every: uint32, last: fc.boolean(), logits: fc.boolean(), carry: fc.boolean() },
  { answer: fc.constantFrom('whole', 'top-k', 'argmax', 'none') },
);

const learn = fc.constantFrom('none', 'private', 'shared');

const openSettings = {
  learn,
  learning,
  want,
  resume: fc.record({ token: text, receivedSeq: count, receivedMessages: count }),
  carry: floats(),
};

const named = <T extends string>(type: T) => ({ type: fc.constant(type), session });

export const clientMessages = {
  open: fc.oneof(
    some({ ...named('open'), resumable: fc.boolean(), nonce: text }, { ...openSettings, model: text }),
    some(
      { ...named('open'), resumable: fc.boolean(), nonce: text, fresh: some({ config }, { seed: count }) },
      openSettings,
    ),
  ),
  frames: payload.chain(p => {
    const each = { minLength: framesOf(p), maxLength: framesOf(p) };
    const targets = fc.array(target, each);
    const inline = some<never>({ targets } as never, { forStep: sequence, weights: fc.array(fc.double(), each) });
    return some({ ...named('frames'), firstSeq: sequence, payload: fc.constant(p) }, { ack: count, targets: inline });
  }),
  targets: fc.integer({ min: 1, max: 8 }).chain(length => {
    const each = { minLength: length, maxLength: length };
    const all = { ...named('targets'), forStep: sequence, targets: fc.array(target, each) };
    return some<never>(all as never, { weights: fc.array(fc.double(), each) });
  }),
  finish: some({ ...named('finish'), carry: fc.boolean(), state: fc.boolean() }, { afterSeq: count }),
  reset: some({ ...named('reset'), weights: fc.boolean() }, { beforeSeq: sequence }),
  snapshot: fc.record(named('snapshot')),
  restore: fc.record({ ...named('restore'), data: fc.uint8Array({ maxLength: 40 }) }),
  ack: fc.record({ ...named('ack'), seq: count }),
  close: fc.record(named('close')),
  authenticate: fc.record({ type: fc.constant('authenticate'), session: fc.constant(0), token: text }),
} as unknown as { readonly [type in ClientMessage['type']]: fc.Arbitrary<ClientMessage & { readonly type: type }> };

const answer = some<StepAnswer>(
  { step: count },
  {
    prediction: floats(),
    topIndices: fc.array(uint32, { minLength: 1, maxLength: 5 }),
    topValues: floats(0, 5),
    loss: fc.double(),
    logits: floats(),
    carry: floats(),
    limited: fc.constant(true as const),
  },
);

const totals = some<never>(
  {
    frames: count,
    refusedFrames: count,
    steps: count,
    targets: count,
    expiredTargets: count,
    updates: count,
    skippedUpdates: count,
    rollbacks: count,
    shortenedUpdates: count,
    limitedInputs: count,
  } as never,
  { meanLoss: fc.double() },
);

const told = <T extends string>(type: T) => ({ type: fc.constant(type), session: fc.oneof(session, fc.constant(0)) });

export const faultCodes: readonly Fault['code'][] = [
  'unspecified',
  'malformed',
  'invalid',
  'unsupported',
  'unknown_model',
  'unknown_session',
  'session_exists',
  'session_finished',
  'bad_config',
  'bad_input',
  'bad_target',
  'target_expired',
  'gap',
  'credit_exceeded',
  'limit_reached',
  'rate_limited',
  'not_permitted',
  'diverged',
  'bad_snapshot',
  'token_expired',
  'taken_over',
  'evicted',
  'draining',
  'internal',
  'target_exists',
  'bad_reset',
];

const stepLoss = fc.record({ step: count, loss: fc.double() });

export const serverMessages = {
  opened: some(
    {
      ...told('opened'),
      token: text,
      model: text,
      modelHash: text,
      carryLayout: fc.array(fc.record({ name: text, length: uint32 }), { maxLength: 4 }),
      resumable: fc.boolean(),
      credit: uint32,
      nextSeq: count,
      nextStep: count,
      takenMessages: count,
      resumeSeconds: uint32,
    },
    { config, learn, learning, want },
  ),
  predictions: fc.record({
    ...told('predictions'),
    firstSeq: count,
    entries: fc.array(
      some(
        { firstStep: count, stepCount: uint32, answers: fc.array(answer, { maxLength: 3 }) },
        { losses: fc.array(stepLoss, { minLength: 1, maxLength: 3 }) },
      ),
      { maxLength: 5 },
    ),
  }),
  losses: fc.record({
    ...told('losses'),
    losses: fc.array(stepLoss, { maxLength: 5 }),
  }),
  updated: some(
    {
      ...told('updated'),
      count,
      loss: fc.double(),
      gradientNorm: fc.double(),
      clipped: fc.boolean(),
      skipped: fc.boolean(),
      windows: uint32,
      replayed: uint32,
      steps: uint32,
      labelled: uint32,
      short: uint32,
    },
    {
      rollback: some<never>({ lost: uint32, rate: fc.double(), inRow: uint32, toStep: count } as never, {
        reason: fc.constantFrom('leap', 'not-finite', 'norm'),
      }),
      shortened: fc.constant(true),
      readout: fc.constant(true),
    },
  ),
  credit: fc.record({ ...told('credit'), frames: uint32 }),
  duplicate: fc.record({ ...told('duplicate'), firstSeq: count, count: uint32 }),
  expiring: fc.record({ ...told('expiring'), milliseconds: uint32, reason: text }),
  snapshotData: fc.record({
    ...told('snapshotData'),
    data: fc.uint8Array({ maxLength: 40 }),
    seq: count,
    step: count,
    modelHash: text,
  }),
  fault: some(
    { ...told('fault'), code: fc.constantFrom(...faultCodes), retryable: fc.boolean(), message: text },
    { forSeq: count, forStep: count, expectedSeq: count, index: uint32, retryAfterMilliseconds: uint32 },
  ),
  finished: some(told('finished'), { carry: floats(), state: fc.uint8Array({ maxLength: 40 }), totals }),
} as unknown as { readonly [type in ServerMessage['type']]: fc.Arbitrary<ServerMessage & { readonly type: type }> };

export const anyClientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(...Object.values(clientMessages));
export const anyServerMessage: fc.Arbitrary<ServerMessage> = fc.oneof(...Object.values(serverMessages));
