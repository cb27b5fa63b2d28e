import test, { type ExecutionContext } from 'ava';
import { from, lastValueFrom, toArray } from 'rxjs';
import { createModel, type TrainableModel } from '../../src/model/model.js';
import type { Example, LateTarget, Learned } from '../../src/operators/learned.js';
import { next } from '../../src/operators/next.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { createRandom } from '../../src/random.js';
import type { ServeOptions } from '../../src/server/index.js';
import { createTrainer, type TrainerOptions } from '../../src/training/trainer.js';
import type { FaultCode, Learning, ServerMessage, StepLoss, WireModelConfig } from '../../src/wire/messages.js';
import { bits } from '../helpers/bits.js';
import { config, randomInput, randomTarget } from '../helpers/models.js';
import { connectWire, openSession, rowFrames, startServer, type WireClient } from '../helpers/wire-client.js';

const values = config('gru', [5]);

/** What a learner says, in a form that `deepEqual` compares to the bit. */
function showLearned(event: Learned): unknown {
  switch (event.kind) {
    case 'step':
      return ['step', event.number, [...bits(event.step.prediction)], event.loss ?? undefined];
    case 'update': {
      const { count, loss, gradientNorm, skipped, replayed } = event.update;
      return ['update', count, loss, gradientNorm, skipped, replayed];
    }
    case 'late':
      return ['late', event.number, event.loss];
    default:
      return [event.kind, event.number];
  }
}

const told: Partial<Record<FaultCode, string>> = { target_expired: 'expired', target_exists: 'duplicate' };

const showLoss = ({ step, loss }: StepLoss): unknown[] => ['late', step, loss];

/** The same of what the server says. */
function showMessage(message: ServerMessage): unknown[] {
  switch (message.type) {
    case 'predictions':
      return message.entries.flatMap(({ answers, losses = [] }) => [
        ...losses.map(showLoss),
        ...answers.map(({ step, prediction, loss }) => ['step', step, [...bits(prediction!)], loss]),
      ]);
    case 'losses':
      return message.losses.map(showLoss);
    case 'updated':
      return [['update', message.count, message.loss, message.gradientNorm, message.skipped, message.replayed]];
    case 'fault':
      return [[told[message.code] ?? message.code, message.forStep]];
    default:
      return [];
  }
}

async function locally(model: TrainableModel, options: TrainerOptions, items: readonly (Example | LateTarget)[]) {
  const own = await createModel(model.config, { seed: 7 });
  const events = await lastValueFrom(from(items).pipe(tbptt(createTrainer(own, options)), toArray()));
  return events.map(showLearned);
}

/** Everything until the session has finished. */
async function untilFinished(client: WireClient): Promise<{ said: unknown[]; finished: ServerMessage }> {
  const said: unknown[] = [];
  for (;;) {
    const message = await client.next();
    if (message.type === 'finished') return { said, finished: message };
    said.push(...showMessage(message));
  }
}

async function setUp(t: ExecutionContext, options: ServeOptions = {}) {
  const model = await createModel(values, { seed: 7 });
  const before = model.weights();
  const server = await startServer(t, model, options);
  const client = await connectWire(t, server.url);
  return { model, before, server, client };
}

/** Examples, and targets that come late, twice, and too late. */
function mixedItems(model: TrainableModel, count: number, lateness: number, seed: number): (Example | LateTarget)[] {
  const random = createRandom(seed);
  const items: (Example | LateTarget)[] = [];
  for (let step = 1; step <= count; step++) {
    const input = randomInput(random, model);
    const kind = random.integer(4);
    items.push(kind === 0 ? { input } : { input, target: kind === 1 ? null : randomTarget(random, model) });
    if (random.integer(3) === 0) {
      const forStep = Math.max(1, step - random.integer(lateness + 3));
      items.push({ forStep, target: randomTarget(random, model) });
    }
  }
  return items;
}

test('learning in a session of its own is local tbptt, bit for bit, with targets inline, late, twice and too late', async t => {
  for (const [i, options] of [
    { k1: 1, k2: 4, lateness: 0 },
    { k1: 3, k2: 7, lateness: 2 },
    { k1: 4, k2: 4, lateness: 5, optimizer: { kind: 'sgd', rate: 0.05, momentum: 0.5 } },
    { k1: 2, k2: 3, lateness: 1, replay: { windows: 2, capacity: 12, seed: 5 } },
    { k1: 2, k2: 2, lateness: 1, maxGradientNorm: Number.POSITIVE_INFINITY, freeze: ['bias_hh_l0'] },
    { k1: 1, k2: 3, lateness: 1, maxGradientElement: 0.01, guard: { longest: 2, largest: 1.1 } },
  ].entries()) {
    const { model, client, before } = await setUp(t);
    const items = mixedItems(model, 60, options.lateness, 11 + i);
    await openSession(client, 1, { learn: 'private', learning: options as Learning });
    let seq = 0;
    for (const item of items) {
      if ('forStep' in item) {
        client.send({ type: 'targets', session: 1, forStep: item.forStep, targets: [item.target] });
      } else {
        const targets = item.target === undefined ? {} : { targets: { targets: [item.target] } };
        client.send({ ...rowFrames(1, ++seq, [item.input as Float32Array]), ...targets } as never);
      }
    }
    client.send({ type: 'finish', session: 1 });
    const { said } = await untilFinished(client);
    const want = await locally(model, options as TrainerOptions, items);
    // A late target of null has no loss to tell.
    t.deepEqual(
      said,
      want.filter(event => !(Array.isArray(event) && event[0] === 'late' && event[2] === null)),
    );
    t.deepEqual(model.weights(), before);
  }
});

test('a session whose inputs are its targets is next and tbptt, bit for bit', async t => {
  const model = await createModel(config('gru', [5], { kind: 'features', size: 2 }), { seed: 7 });
  const server = await startServer(t, model);
  for (const horizon of [1, 3]) {
    const client = await connectWire(t, server.url);
    const opened = await openSession(client, 1, {
      learn: 'private',
      learning: { k1: 2, k2: 6, targetSource: 'input', horizon },
    });
    t.like(opened.learning, { targetSource: 'input', horizon, lateness: horizon - 1, k1: 2, k2: 6 });
    const random = createRandom(5);
    const rows = Array.from({ length: 30 }, () => randomInput(random, model) as Float32Array);
    client.send(rowFrames(1, 1, rows.slice(0, 7)), rowFrames(1, 8, rows.slice(7)), { type: 'finish', session: 1 });
    const { said, finished } = await untilFinished(client);
    const own = await createModel(model.config, { seed: 7 });
    const trainer = createTrainer(own, { k1: 2, k2: 6, lateness: horizon - 1 });
    const want = await lastValueFrom(from(rows).pipe(next({ horizon }), tbptt(trainer), toArray()));
    t.deepEqual(said, want.map(showLearned));
    t.like(finished, { totals: { frames: 30, steps: 30, targets: 30 - horizon } });
  }
});

test('targets that ride on later frames are those that come on their own', async t => {
  const { model, client } = await setUp(t);
  const options = { k1: 2, k2: 4, lateness: 1 };
  await openSession(client, 1, { learn: 'private', learning: options });
  const random = createRandom(6);
  const rows = Array.from({ length: 12 }, () => randomInput(random, model) as Float32Array);
  const targets = rows.map(() => randomTarget(random, model));
  client.send(rowFrames(1, 1, rows.slice(0, 1)), {
    ...rowFrames(1, 2, rows.slice(1)),
    targets: { forStep: 1, targets: targets.slice(0, 11) },
  } as never);
  client.send({ type: 'finish', session: 1 });
  const items = rows.flatMap((input, i): (Example | LateTarget)[] =>
    i === 0 ? [{ input }] : [{ forStep: i, target: targets[i - 1] }, { input }],
  );
  t.deepEqual((await untilFinished(client)).said, await locally(model, options, items));
});

test('where only the last answer is wanted, the loss of a target leaves with the frame that it came with', async t => {
  const { model, client } = await setUp(t);
  const options = { k1: 8, k2: 8, lateness: 2 };
  await openSession(client, 1, { learn: 'private', learning: options, want: { last: true } });
  const random = createRandom(6);
  const rows = Array.from({ length: 5 }, () => randomInput(random, model) as Float32Array);
  const targets = rows.map(() => randomTarget(random, model));
  client.send(rowFrames(1, 1, rows.slice(0, 1)), {
    ...rowFrames(1, 2, rows.slice(1)),
    targets: { forStep: 1, targets: targets.slice(0, 4) },
  } as never);
  client.send({ type: 'finish', session: 1 });
  const items = rows.flatMap((input, i): (Example | LateTarget)[] =>
    i === 0 ? [{ input }] : [{ forStep: i, target: targets[i - 1] }, { input }],
  );
  const events = (await locally(model, options, items)) as unknown[][];
  const late = events.filter(([kind]) => kind === 'late');
  t.is(late.length, 4);
  t.deepEqual(
    ((await untilFinished(client)).said as unknown[][]).filter(([kind]) => kind === 'late'),
    late,
  );
});

test('where only the last answer is wanted, what a frame brings comes after the entry of the one before', async t => {
  const { model, client } = await setUp(t);
  const options = { k1: 1, k2: 4, lateness: 1 };
  const random = createRandom(6);
  const rows = Array.from({ length: 4 }, () => randomInput(random, model) as Float32Array);
  const targets = rows.map(() => randomTarget(random, model));
  const told = async (last: boolean): Promise<unknown[]> => {
    const session = last ? 2 : 1;
    await openSession(client, session, { learn: 'private', learning: options, want: { last } });
    client.send(rowFrames(session, 1, rows.slice(0, 1)), {
      ...rowFrames(session, 2, rows.slice(1)),
      targets: { forStep: 1, targets: targets.slice(0, 3) },
    } as never);
    client.send({ type: 'finish', session });
    const order: unknown[] = [];
    for (let message = await client.next(); message.type !== 'finished'; message = await client.next()) {
      if (message.type === 'predictions') order.push(...message.entries.map(({ firstStep }) => `entry ${firstStep}`));
      else if (message.type === 'losses') order.push(...message.losses.map(({ step }) => `loss ${step}`));
      else order.push(message.type);
    }
    return order;
  };
  t.deepEqual(await told(true), await told(false));
});

test('a wrong target refuses its frame, or is told alone, and moves nothing', async t => {
  const { model, client } = await setUp(t);
  await openSession(client, 1, { learn: 'private', learning: { k1: 1, k2: 3, lateness: 4 } });
  const random = createRandom(9);
  const rows = Array.from({ length: 3 }, () => randomInput(random, model) as Float32Array);
  const targets = rows.map(() => randomTarget(random, model));
  const frame = (seq: number, i: number, target: unknown) =>
    ({ ...rowFrames(1, seq, [rows[i]]), targets: { targets: [target] } }) as never;
  client.send(frame(1, 0, targets[0]), frame(2, 1, Float32Array.of(1)), frame(3, 1, Float32Array.of(1, Number.NaN)));
  client.send(frame(4, 1, targets[1]));
  client.send({ type: 'targets', session: 1, forStep: 7, targets: [targets[2]] });
  client.send({ type: 'targets', session: 1, forStep: 2, targets: [3] });
  client.send(frame(5, 2, targets[2]), { type: 'finish', session: 1 });
  const said: unknown[] = [];
  const faults: unknown[] = [];
  for (;;) {
    const message = await client.next();
    if (message.type === 'finished') {
      t.like(message.totals, { frames: 3, refusedFrames: 2, targets: 3 });
      break;
    }
    if (message.type === 'fault') faults.push([message.code, message.forSeq, message.forStep]);
    else said.push(...showMessage(message));
  }
  t.deepEqual(faults, [
    ['bad_target', 2, undefined],
    ['bad_target', 3, undefined],
    ['bad_target', undefined, 7],
    ['bad_target', undefined, 2],
  ]);
  const items = rows.map((input, i) => ({ input, target: targets[i] }));
  t.deepEqual(said, await locally(model, { k1: 1, k2: 3, lateness: 4 }, items));
});

test('targets to a session that takes none are refused', async t => {
  const { model, client } = await setUp(t);
  await openSession(client, 1);
  const random = createRandom(9);
  const row = randomInput(random, model) as Float32Array;
  client.send({ ...rowFrames(1, 1, [row]), targets: { targets: [Float32Array.of(1, 2)] } } as never);
  t.like(await client.expect('fault'), { code: 'bad_target', forSeq: 1 });
  client.send({ type: 'targets', session: 1, forStep: 1, targets: [Float32Array.of(1, 2)] });
  t.like(await client.expect('fault'), { code: 'bad_target', forStep: 1 });
});

test('finish learns what remains, close does not', async t => {
  const { model, client } = await setUp(t);
  const random = createRandom(9);
  const row = randomInput(random, model) as Float32Array;
  for (const [session, type] of ['finish', 'close'].entries()) {
    await openSession(client, session + 1, { learn: 'private', learning: { k1: 4, k2: 4 } });
    const targets = { targets: [Float32Array.of(1, 2)] };
    client.send({ ...rowFrames(session + 1, 1, [row]), targets } as never, { type, session: session + 1 } as never);
    const { said, finished } = await untilFinished(client);
    t.is(said.length, type === 'finish' ? 2 : 1);
    t.like(finished, { totals: { frames: 1, targets: 1, updates: type === 'finish' ? 1 : 0 } });
  }
});

test('two private learners and a session that only predicts do not move each other', async t => {
  const { model, server } = await setUp(t);
  const random = createRandom(12);
  const rows = Array.from({ length: 20 }, () => randomInput(random, model) as Float32Array);
  const targets = [rows.map(() => randomTarget(random, model)), rows.map(() => randomTarget(random, model))];
  const options = { k1: 1, k2: 4 };
  const run = async (which: number) => {
    const client = await connectWire(t, server.url);
    await openSession(client, 1, which < 2 ? { learn: 'private', learning: options } : {});
    rows.forEach((row, i) => {
      client.send({
        ...rowFrames(1, i + 1, [row]),
        ...(which < 2 ? { targets: { targets: [targets[which][i]] } } : {}),
      } as never);
    });
    client.send({ type: 'finish', session: 1 });
    return (await untilFinished(client)).said;
  };
  const [a, b, c] = await Promise.all([run(0), run(1), run(2)]);
  const items = (which: number) => rows.map((input, i) => ({ input, target: targets[which][i] }));
  t.deepEqual(a, await locally(model, options, items(0)));
  t.deepEqual(b, await locally(model, options, items(1)));
  let carry = model.zeroCarry();
  t.deepEqual(
    c,
    rows.map((row, i) => {
      const step = model.step(carry, row);
      carry = step.carry;
      return ['step', i + 1, [...bits(step.prediction)], undefined];
    }),
  );
});

test('shared learning is refused unless it is permitted, and then moves the model for everyone', async t => {
  const { client } = await setUp(t);
  client.send({ type: 'open', session: 1, learn: 'shared' });
  t.like(await client.expect('fault'), { session: 1, code: 'not_permitted', retryable: false });

  const { model, before, client: teacher, server } = await setUp(t, { allowShared: true });
  const watcher = await connectWire(t, server.url);
  await openSession(watcher, 1);
  t.is((await openSession(teacher, 1, { learn: 'shared', learning: { k1: 1, k2: 2 } })).learn, 'shared');
  const random = createRandom(3);
  const row = randomInput(random, model) as Float32Array;
  const target = randomTarget(random, model);
  teacher.send({ ...rowFrames(1, 1, [row]), targets: { targets: [target] } } as never);
  await teacher.expect('predictions');
  t.like(await teacher.expect('updated'), { count: 1, skipped: false });
  t.notDeepEqual(model.weights(), before);
  const own = await createModel(model.config, { seed: 7 });
  createTrainer(own, { k1: 1, k2: 2 }).learn({ carry: own.zeroCarry(), inputs: [row], targets: [target] });
  t.deepEqual(model.weights(), own.weights());
  watcher.send(rowFrames(1, 1, [row]));
  const { entries } = await watcher.expect('predictions');
  const step = own.step(own.zeroCarry(), row);
  t.deepEqual([...bits(entries[0].answers[0].prediction!)], [...bits(step.prediction)]);
  // Who comes later learns with the settings that are there.
  const late = await openSession(watcher, 2, { learn: 'shared', learning: { k1: 5, k2: 9 } });
  t.like(late.learning, { k1: 1, k2: 2 });
});

test('learners are bounded in number and bytes, and free their place', async t => {
  const { client } = await setUp(t, { maxLearners: 1, maxLearnerBytes: 1 << 20 });
  for (const learning of [
    { k1: 1, k2: 60_000 },
    { k1: 1, k2: 300, lateness: 300 },
    { k1: 1, k2: 2, replay: { windows: 60_000, capacity: 10 } },
    { k1: 1, k2: 2, replay: { windows: 1, capacity: 60_000 } },
  ]) {
    client.send({ type: 'open', session: 1, learn: 'private', learning });
    const large = await client.expect('fault');
    t.like(large, { session: 1, code: 'limit_reached' });
    t.regex(large.message, /1048576 bytes/);
  }
  await openSession(client, 1, { learn: 'private' });
  client.send({ type: 'open', session: 2, learn: 'private' });
  t.like(await client.expect('fault'), { session: 2, code: 'limit_reached', retryable: true });
  await openSession(client, 3);
  client.send({ type: 'finish', session: 1 });
  await client.expect('finished');
  await openSession(client, 2, { learn: 'private' });
});

test('wrong settings of learning are refused with the name of the setting', async t => {
  const { client } = await setUp(t);
  for (const [learning, name] of [
    [{ k1: 4, k2: 2 }, /k2/],
    [{ freeze: ['nothing'] }, /freeze/],
    [{ optimizer: { kind: 'sgd', rate: -1 } }, /rate/],
    [{ optimizer: { kind: 'sgd' } }, /rate/],
    [{ targetSource: 'input' }, /3 features and 2 values/],
    [{ targetSource: 'input', horizon: 0 }, /horizon/],
    [{ horizon: 3 }, /horizon only where targetSource is input/],
    [{ targetSource: 'sent', horizon: 1 }, /horizon/],
  ] as [Learning, RegExp][]) {
    client.send({ type: 'open', session: 1, learn: 'private', learning });
    const fault = await client.expect('fault');
    t.is(fault.code, 'bad_config', fault.message);
    t.regex(fault.message, name);
  }
});

test('a network of its own is drawn from its seed, as createModel draws it', async t => {
  const { client } = await setUp(t, { allowFresh: true });
  const fresh = { config: config('lstm', [4], { kind: 'token', size: 6 }, { kind: 'classes', size: 6 }), seed: 21 };
  const opened = await openSession(client, 1, { fresh, learn: 'private', learning: { targetSource: 'input' } });
  t.is(opened.model, '');
  t.like(opened.config, { input: { kind: 'token', size: 6 } });
  client.send({ type: 'frames', session: 1, firstSeq: 1, payload: { kind: 'tokens', ids: [2] } });
  const { entries } = await client.expect('predictions');
  const own = await createModel(fresh.config, { seed: 21 });
  const step = own.step(own.zeroCarry(), 2);
  t.deepEqual([...bits(entries[0].answers[0].prediction!)], [...bits(step.prediction)]);
  client.send({
    type: 'open',
    session: 2,
    fresh: { config: { ...fresh.config, layers: [{ cell: 'gru', size: 4, initialization: 'irnn' }] } },
  });
  t.like(await client.expect('fault'), { session: 2, code: 'bad_config' });
});

test('networks of their own are refused unless they are permitted, and those that take long to draw in any case', async t => {
  const io = { input: { kind: 'features', size: 1 }, output: { kind: 'values', size: 1 } } as const;
  const fresh = (...layers: WireModelConfig['layers']) => ({ config: { ...io, layers } });
  const { client } = await setUp(t);
  client.send({ type: 'open', session: 1, fresh: fresh({ cell: 'gru', size: 2 }) });
  t.like(await client.expect('fault'), { session: 1, code: 'not_permitted', retryable: false });

  const { client: drawer } = await setUp(t, { allowFresh: true, maxLearners: 100, maxLearnersPerConnection: 100 });
  const long = [
    fresh({ cell: 'rnn_tanh', size: 513 }),
    fresh({ cell: 'rnn_relu', size: 257 }),
    fresh({ cell: 'lstm', size: 323, initialization: 'orthogonal' }),
    fresh({ cell: 'gru', size: 282 }, { cell: 'gru', size: 282 }),
  ];
  const short = [
    fresh({ cell: 'rnn_tanh', size: 64 }),
    fresh({ cell: 'lstm', size: 256 }),
    fresh({ cell: 'rnn_relu', size: 128 }),
    fresh({ cell: 'rnn_tanh', size: 900, initialization: 'pytorch' }),
    fresh({ cell: 'rnn_relu', size: 300, initialization: 'irnn' }),
  ];
  for (const asked of long) {
    drawer.send({ type: 'open', session: 1, fresh: asked });
    const fault = await drawer.expect('fault');
    t.like(fault, { code: 'limit_reached', retryable: false });
    t.regex(fault.message, /at most 134217728, got \d+: take fewer units/);
  }
  for (const [i, asked] of short.entries()) await openSession(drawer, i + 1, { fresh: asked });
});

test('a connection has a share of the learners, and leaves the others theirs', async t => {
  const { client, server } = await setUp(t, { maxLearners: 3, maxLearnersPerConnection: 2 });
  await openSession(client, 1, { learn: 'private' });
  await openSession(client, 2, { learn: 'private' });
  client.send({ type: 'open', session: 3, learn: 'private' });
  const fault = await client.expect('fault');
  t.like(fault, { session: 3, code: 'limit_reached', retryable: true });
  t.regex(fault.message, /2 sessions with weights of their own on a connection/);
  await openSession(await connectWire(t, server.url), 1, { learn: 'private' });
  client.send({ type: 'finish', session: 1 });
  await client.expect('finished');
  await openSession(client, 3, { learn: 'private' });
});

test('a model that learns for everyone is bounded in bytes with the windows of all its sessions', async t => {
  const { client } = await setUp(t, { allowShared: true, allowFresh: true, maxLearnerBytes: 1 << 20 });
  const fresh = { config: values as WireModelConfig };
  for (const source of [{}, { fresh }]) {
    client.send({ type: 'open', session: 1, learn: 'shared', ...source, learning: { k1: 1, k2: 60_000 } });
    const large = await client.expect('fault');
    t.like(large, { session: 1, code: 'limit_reached' });
    t.regex(large.message, /1048576 bytes/);
  }
  const learning: Learning = { k1: 1, k2: 2, replay: { windows: 1, capacity: 1000 } };
  let opened = 0;
  for (;;) {
    client.send({ type: 'open', session: opened + 1, learn: 'shared', learning });
    const message = await client.next();
    if (message.type === 'fault') {
      t.is(message.code, 'limit_reached');
      break;
    }
    opened++;
  }
  t.true(opened >= 2 && opened < 10, `${opened}`);
  client.send({ type: 'finish', session: 1 });
  await client.expect('finished');
  await openSession(client, 1, { learn: 'shared', learning });
  client.send({ type: 'open', session: opened + 1, learn: 'shared', learning });
  await client.expect('fault');
});

test('a session that diverges predicts on, learns no more, and is told', async t => {
  const { model, client } = await setUp(t);
  const learning: Learning = { k1: 1, k2: 2, maxSkipped: 2, maxGradientNorm: Number.POSITIVE_INFINITY };
  await openSession(client, 1, { learn: 'private', learning });
  const random = createRandom(2);
  const rows = Array.from({ length: 5 }, () => randomInput(random, model) as Float32Array);
  const huge = Float32Array.of(3e38, -3e38);
  rows.forEach((row, i) => {
    client.send({ ...rowFrames(1, i + 1, [row]), targets: { targets: [huge] } } as never);
  });
  client.send({ type: 'finish', session: 1 });
  const types: string[] = [];
  const predictions: Float32Array[] = [];
  for (;;) {
    const message = await client.next();
    types.push(message.type === 'fault' ? message.code : message.type);
    if (message.type === 'predictions') predictions.push(...message.entries.map(entry => entry.answers[0].prediction!));
    if (message.type === 'updated') t.true(message.skipped);
    if (message.type === 'finished') {
      t.like(message.totals, { updates: 0, skippedUpdates: 2, frames: 5, steps: 5 });
      break;
    }
  }
  t.deepEqual(
    types.filter(type => type !== 'predictions'),
    ['updated', 'diverged', 'finished'],
  );
  let carry = model.zeroCarry();
  rows.forEach((row, i) => {
    const step = model.step(carry, row);
    carry = step.carry;
    t.deepEqual([...bits(predictions[i])], [...bits(step.prediction)]);
  });
});

test('reset with weights goes back to those of the model', async t => {
  const { model, client } = await setUp(t);
  await openSession(client, 1, {
    learn: 'private',
    learning: { k1: 1, k2: 2, optimizer: { kind: 'adam', rate: 0.01, beta1: 0.5 } },
  });
  const random = createRandom(4);
  const rows = Array.from({ length: 4 }, () => randomInput(random, model) as Float32Array);
  const targets = rows.map(() => randomTarget(random, model));
  const frames = (first: number) => ({ ...rowFrames(1, first, rows), targets: { targets } }) as never;
  client.send(frames(1), { type: 'reset', session: 1, weights: true }, frames(5), { type: 'finish', session: 1 });
  const { said } = await untilFinished(client);
  const shown = said as [string, number, ...unknown[]][];
  t.is(shown.length, 16);
  const second = shown
    .slice(8)
    .map(([kind, number, ...rest]) => [kind, kind === 'step' ? number - 4 : number, ...rest]);
  t.deepEqual(second, shown.slice(0, 8));
});

test('a target of a step before the stream began afresh is told as such, and another as late', async t => {
  const { model, client } = await setUp(t);
  await openSession(client, 1, { learn: 'private', learning: { k1: 1, k2: 2, lateness: 2 } });
  const random = createRandom(4);
  const rows = Array.from({ length: 4 }, () => randomInput(random, model) as Float32Array);
  const target = (forStep: number) =>
    ({ type: 'targets', session: 1, forStep, targets: [randomTarget(random, model)] }) as never;
  client.send(rowFrames(1, 1, rows), target(1), { type: 'reset', session: 1 }, rowFrames(1, 5, rows), target(4));
  const faults: ServerMessage[] = [];
  while (faults.length < 2) {
    const message = await client.next();
    if (message.type === 'fault') faults.push(message);
  }
  t.like(faults[0], {
    code: 'target_expired',
    message: 'Expected the target of step 1 at most 2 steps late, got it later',
  });
  t.like(faults[1], {
    code: 'target_expired',
    forStep: 4,
    message: 'Expected the target of a step since the stream began afresh, after step 4, got that of step 4',
  });
});

test('targets that are beyond all bounds do not wreck the model of all: the guard goes back, everyone is told, and it is counted', async t => {
  const model = await createModel(config('rnn_tanh', [6]), { seed: 3 });
  const { httpUrl, url } = await startServer(t, model, {
    tokens: [
      { name: 'good', token: 'good-0123456789abc', permissions: ['predict', 'learn-shared', 'observe'] },
      { name: 'bad', token: 'bad-0123456789abcd', permissions: ['predict', 'learn-shared'] },
    ],
  });
  const join = async (token: string, session: number) => {
    const client = await connectWire(t, url, 'eddy.v1.proto', undefined, {
      headers: { authorization: `Bearer ${token}` },
    });
    const optimizer = { kind: 'sgd', rate: 0.05 } as const;
    await openSession(client, session, {
      learn: 'shared',
      learning: { k1: 1, k2: 4, optimizer, maxGradientNorm: 1e9 },
    });
    let seq = 0;
    return {
      client,
      async teach(target: number) {
        seq++;
        const values = Float32Array.of(Math.sin(seq), 1, 0);
        const targets = { targets: [Float32Array.of(target * values[0], target)] };
        client.send({
          type: 'frames',
          session,
          firstSeq: seq,
          payload: { kind: 'features', rows: 1, values },
          targets,
        });
        for (;;) {
          const message = await client.next();
          if (message.type === 'updated') return message;
        }
      },
    };
  };
  const good = await join('good-0123456789abc', 1);
  const bad = await join('bad-0123456789abcd', 1);
  for (let i = 0; i < 320; i++) await good.teach(0.5);
  let back: ServerMessage | undefined;
  for (let i = 0; i < 100 && back === undefined; i++) {
    const updated = await bad.teach(1e25);
    if (updated.rollback) back = updated;
  }
  t.truthy(back, 'the guard went back');
  t.true(back!.type === 'updated' && back!.rollback!.lost >= 1);
  const told = await good.client.next();
  t.true(told.type === 'updated' && told.rollback !== undefined, 'the other session is told');
  const after = await good.teach(0.5);
  t.true(after.loss < 1, `its loss is what it was: ${after.loss}`);
  const metrics = await (
    await fetch(`${httpUrl}/metrics`, { headers: { authorization: 'Bearer good-0123456789abc' } })
  ).text();
  t.regex(metrics, /^eddy_bad_updates_total\{client="bad"\} [1-9]/m);
  t.notRegex(metrics, /client="good"/);
});
