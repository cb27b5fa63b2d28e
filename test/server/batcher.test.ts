import test from 'ava';
import { LimitError } from '../../src/errors.js';
import { createModel, type TrainableModel } from '../../src/model/model.js';
import type { Run } from '../../src/model/moving.js';
import { acceptFrames, pushReset } from '../../src/server/accept.js';
import { effectiveWant } from '../../src/server/answer.js';
import { createBatcher } from '../../src/server/batcher.js';
import { createCounts, createHistograms } from '../../src/server/counts.js';
import { createGrant } from '../../src/server/grant.js';
import { decodeSaid } from '../../src/server/kept.js';
import { createPrivateLearner, createSharedLearner } from '../../src/server/learner.js';
import { startLearning } from '../../src/server/learning.js';
import { at, add as put, take } from '../../src/server/queue.js';
import { serveModel } from '../../src/server/served.js';
import { createSession, type Outlet, type Session } from '../../src/server/session.js';
import { createTurn } from '../../src/server/turn.js';
import { createStream } from '../../src/training/stream.js';
import type { Trainer } from '../../src/training/trainer.js';
import type { ServerMessage } from '../../src/wire/messages.js';
import { config } from '../helpers/models.js';

/** A model that tells how many streams made each step; it fails for the token 9, alone or in company. */
async function watched(): Promise<{ model: TrainableModel; batches: number[] }> {
  const real = await createModel(config('gru', [3], { kind: 'token', size: 10 }, { kind: 'classes', size: 10 }));
  const batches: number[] = [];
  const model = {
    ...real,
    moveMany(runs: Run[], count: number, goOn?: () => boolean) {
      for (const { inputs, from } of runs.slice(0, count)) if (inputs[from] === 9) throw new Error('broken');
      // Nor does one of a run go on to it.
      const right = runs.slice(0, count).map(run => {
        const next = run.inputs.indexOf(9, run.from);
        return next < 0 ? run : { ...run, count: Math.min(run.count, next - run.from) };
      });
      const moved = real.moveMany(right, count, goOn);
      const made = moved.slice(0, count).map(one => one.made);
      for (let time = 0; time < Math.max(...made); time++) batches.push(made.filter(steps => steps > time).length);
      return moved;
    },
  };
  return { model: model as never, batches };
}

function sessions(model: TrainableModel, count: number): { session: Session; sent: ServerMessage[]; outlet: Outlet }[] {
  const served = serveModel('m', model);
  return Array.from({ length: count }, (_, i) => {
    const sent: ServerMessage[] = [];
    const outlet: Outlet = {
      counts: createCounts(),
      queued: 0,
      pending: 0,
      send: message => sent.push(message),
      sendBytes: bytes => outlet.send(decodeSaid(bytes)),
      blocked: () => false,
      ended: () => {},
      takenOver: () => {},
    };
    const want = effectiveWant(undefined, 10);
    const carry = model.zeroCarry();
    const session = createSession({
      number: i + 1,
      outlet,
      counts: createCounts(),
      histograms: createHistograms(),
      share: { bytes: () => 1 << 20 },
      grant: createGrant('anonymous', ['predict']),
      token: '',
      nonce: '',
      served,
      learn: 'none',
      want,
      credit: 64,
      own: false,
      learner: undefined,
      carry,
    });
    return { session, sent, outlet };
  });
}

const tokens = (session: Session, ids: number[], firstSeq = session.nextSeq): void =>
  acceptFrames(session, { type: 'frames', session: session.number, firstSeq, payload: { kind: 'tokens', ids } });

const entryCount = (message: ServerMessage): number => (message.type === 'predictions' ? message.entries.length : 0);

const fail = (error: unknown): void => {
  throw error;
};

test('the frames of one turn are as few batches as the longest queue is long, with one frame of a session in each', async t => {
  const { model, batches } = await watched();
  const all = sessions(model, 4);
  const batcher = createBatcher(fail, () => 0);
  all.forEach(({ session }, i) => {
    tokens(session, Array(i + 1).fill(i));
    batcher.add(session);
    batcher.add(session);
  });
  t.false(batcher.run());
  t.deepEqual(batches, [4, 3, 2, 1]);
  for (const [i, { sent, outlet }] of all.entries()) {
    t.is(sent.length, 1);
    t.like(sent[0], { type: 'predictions', firstSeq: 1 });
    t.is(entryCount(sent[0]), i + 1);
    t.is(outlet.queued, 0);
    t.is(outlet.pending, 0);
  }
  t.false(batcher.run());
});

test('a batch has a bound, and all are stepped', async t => {
  const { model, batches } = await watched();
  const all = sessions(model, 600);
  const batcher = createBatcher(fail, () => 0);
  for (const { session } of all) {
    tokens(session, [1]);
    batcher.add(session);
  }
  batcher.run();
  t.deepEqual(batches, [64, 64, 64, 64, 64, 64, 64, 64, 64, 24]);
  t.true(all.every(({ sent }) => sent.length === 1));
});

test('a whole batch is stepped and answered as soon as another session comes, and no more than that batch', async t => {
  const { model, batches } = await watched();
  const all = sessions(model, 66);
  const batcher = createBatcher(fail, () => 0);
  let scheduled = 0;
  const turn = createTurn(batcher.run, () => scheduled++);
  let ends = 0;
  turn.atEnd(() => ends++);
  for (const { session } of all.slice(0, 64)) {
    tokens(session, [1, 2]);
    turn.schedule(batcher.add(session));
  }
  t.deepEqual([batches.length, ends], [0, 0]);
  tokens(all[64].session, [1]);
  turn.schedule(batcher.add(all[64].session));
  t.deepEqual(batches, [64, 64]);
  t.deepEqual([ends, scheduled], [1, 1]);
  t.true(all.slice(0, 64).every(({ sent }) => entryCount(sent[0]) === 2));
  t.is(all[64].sent.length, 0);
});

test('one that has sent much gives way to those behind it after some steps', async t => {
  const { model, batches } = await watched();
  const all = sessions(model, 65);
  const batcher = createBatcher(fail, () => 0);
  all.forEach(({ session }, i) => {
    tokens(session, Array(i === 0 ? 40 : 1).fill(1));
    batcher.add(session);
  });
  t.false(batcher.run());
  // The 65th comes after 16 steps of the first one, and is in company with it then.
  t.deepEqual(batches, [64, ...Array(15).fill(1), 2, ...Array(23).fill(1)]);
  t.true(all.every(({ sent }) => sent.length === 1));
});

test('in a turn each has as many steps as the others, in however many messages they came', async t => {
  const { model } = await watched();
  const [many, apart] = sessions(model, 2);
  const batcher = createBatcher(fail, () => 0);
  tokens(many.session, Array(40).fill(1));
  for (let i = 0; i < 40; i++) tokens(apart.session, [1]);
  for (const { session } of [many, apart]) batcher.add(session);
  t.true(batcher.run(true));
  for (const { sent } of [many, apart]) t.deepEqual(sent.map(entryCount), [16]);
  t.true(batcher.run(true));
  t.false(batcher.run(true));
  for (const { sent } of [many, apart]) t.deepEqual(sent.map(entryCount), [16, 16, 8]);
});

test('of one that waits alone some answers leave before the next are made', async t => {
  const { model } = await watched();
  const [{ session, sent }] = sessions(model, 1);
  const batcher = createBatcher(fail, () => 0);
  tokens(session, Array(20).fill(1));
  batcher.add(session);
  t.deepEqual([batcher.run(), batcher.run(), batcher.run()], [true, true, false]);
  t.deepEqual(sent.map(entryCount), [8, 8, 4]);
});

test('when its time is over the batcher answers what it has, and goes on in the next turn', async t => {
  const { model, batches } = await watched();
  const [{ session, sent }] = sessions(model, 1);
  let now = 0;
  const batcher = createBatcher(fail, () => {
    now += 3;
    return now;
  });
  tokens(session, [1, 2, 3, 4, 5]);
  batcher.add(session);
  t.true(batcher.run());
  t.is(batches.length, 2);
  t.is(entryCount(sent[0]), 2);
  t.true(batcher.run());
  t.false(batcher.run());
  t.deepEqual(
    sent.map(message => (message as { firstSeq: number }).firstSeq),
    [1, 3, 5],
  );
});

/** Calls `work` before each part of the updates of a trainer. */
function beforeParts(trainer: Trainer, work: () => void): void {
  const { learnInParts } = trainer;
  trainer.learnInParts = function* (windows) {
    const parts = learnInParts(windows);
    for (;;) {
      work();
      const part = parts.next();
      if (part.done) return part.value;
      yield;
    }
  };
}

test('those that learn take turns, and those that predict are not kept waiting for all of them', async t => {
  const { model } = await watched();
  const real = await createModel(model.config);
  const [predicting, ...learners] = sessions(model, 4);
  let now = 0;
  const batcher = createBatcher(fail, () => now);
  const order: number[] = [];
  const learning = await Promise.all(
    learners.map(async ({ session, outlet }) => {
      const learner = await createPrivateLearner(real, { k1: 1, k2: 1 }, 1 << 24, false);
      const own = createSession({ ...session, outlet, learner });
      outlet.send = message => {
        if (message.type === 'predictions') order.push(own.number);
      };
      startLearning(own);
      // Each part of an update takes longer than a turn has time.
      beforeParts(learner.trainer, () => {
        now += 20;
      });
      return own;
    }),
  );
  for (const session of learning) {
    const payload = { kind: 'tokens', ids: [1, 2] } as const;
    acceptFrames(session, {
      type: 'frames',
      session: session.number,
      firstSeq: 1,
      payload,
      targets: { targets: [1, 1] },
    });
    batcher.add(session);
  }
  tokens(predicting.session, [3]);
  batcher.add(predicting.session);
  t.true(batcher.run());
  t.is(predicting.sent.length, 1);
  t.deepEqual(order, [], 'the answer does not wait for an update');
  tokens(predicting.session, [3]);
  batcher.add(predicting.session);
  t.true(batcher.run());
  t.deepEqual(order, [2], 'nor do those that learn wait for all answers');
  t.is(predicting.sent.length, 1);
  t.true(batcher.run());
  t.is(predicting.sent.length, 2);
  while (batcher.run());
  t.deepEqual(order, [2, 3, 4, 2, 3, 4]);
});

test('a session whose stream fails in the turn of another ends in its own, and the other goes on', async t => {
  const model = await createModel(config('gru', [3], { kind: 'token', size: 10 }, { kind: 'classes', size: 10 }));
  const errors: unknown[] = [];
  const batcher = createBatcher(error => errors.push(error));
  const [a, b] = sessions(model, 2).map(({ session, outlet, sent }) => {
    const learner = createSharedLearner(model, session.served, { k1: 1, k2: 1 }, 1 << 24);
    const own = createSession({ ...session, outlet, learner });
    startLearning(own);
    return { own, sent };
  });
  const broken = new Error('broken');
  b.own.stream = {
    ...b.own.stream!,
    heed() {
      throw broken;
    },
  };
  const { trainer } = a.own.learner!;
  const { learnInParts } = trainer;
  trainer.learnInParts = function* (windows) {
    return { ...(yield* learnInParts(windows)), good: true };
  };
  const send = ({ own }: typeof a): void => {
    const { number: session, nextSeq: firstSeq } = own;
    const payload = { kind: 'tokens', ids: [1] } as const;
    acceptFrames(own, { type: 'frames', session, firstSeq, payload, targets: { targets: [2] } });
    batcher.add(own);
    while (batcher.run());
  };
  send(a);
  send(a);
  t.deepEqual(
    [a.sent, b.sent].map(sent => sent.map(({ type }) => type)),
    [['predictions', 'updated', 'predictions', 'updated'], []],
  );
  t.deepEqual(errors, []);
  send(b);
  t.deepEqual(errors, [broken]);
  t.deepEqual(
    b.sent.map(({ type }) => type),
    ['fault', 'finished'],
  );
  t.like(b.sent[0], { code: 'internal' });
  t.false(a.own.ended);
});

test('an update is left in its middle where the run is over, and the others have their turn', async t => {
  const { model } = await watched();
  const [{ session, outlet, sent }, other] = sessions(model, 2);
  let now = 0;
  const batcher = createBatcher(fail, () => now);
  const learner = await createPrivateLearner(model, { k1: 4, k2: 4 }, 1 << 24, false);
  const own = createSession({ ...session, outlet, learner });
  startLearning(own);
  let parts = 0;
  beforeParts(learner.trainer, () => {
    now += 0.04;
    parts++;
  });
  const before = learner.trainer.model.weights();
  const ids = [1, 2, 0, 1, 2];
  acceptFrames(own, {
    type: 'frames',
    session: own.number,
    firstSeq: 1,
    payload: { kind: 'tokens', ids },
    targets: { targets: [2, 0, 1, 2, 0] },
  });
  batcher.add(own);
  t.true(batcher.run());
  t.is(own.steps, 4);
  t.true(parts > 0);
  t.deepEqual(learner.trainer.model.weights(), before, 'nothing has moved yet');
  const cut = parts;
  tokens(other.session, [1]);
  batcher.add(other.session);
  t.true(batcher.run());
  t.deepEqual([other.session.steps, parts], [1, cut], 'the turn of those that predict');
  while (batcher.run());
  t.true(parts > cut);
  t.is(own.steps, 5);
  t.deepEqual(
    sent.map(({ type }) => type),
    ['predictions', 'updated', 'predictions'],
  );
  const whole = await createPrivateLearner(model, { k1: 4, k2: 4 }, 1 << 24, false);
  const stream = createStream(whole.trainer);
  for (const [i, id] of ids.entries()) {
    stream.step(id, [2, 0, 1, 2, 0][i]);
    if (stream.windows.due(false)) whole.trainer.learnMany(stream.windows.take());
  }
  t.deepEqual(learner.trainer.model.weights(), whole.trainer.model.weights());
  t.notDeepEqual(learner.trainer.model.weights(), before);
});

test('an update of weights that others step with is never left in its middle', async t => {
  const { model } = await watched();
  const [{ session, outlet }, other] = sessions(model, 2);
  let now = 0;
  const batcher = createBatcher(fail, () => now);
  const learner = createSharedLearner(model, session.served, { k1: 4, k2: 4 }, 1 << 24);
  const own = createSession({ ...session, outlet, learner });
  startLearning(own);
  let parts = 0;
  beforeParts(learner.trainer, () => {
    now += 1;
    parts++;
  });
  acceptFrames(own, {
    type: 'frames',
    session: own.number,
    firstSeq: 1,
    payload: { kind: 'tokens', ids: [1, 2, 0, 1] },
    targets: { targets: [2, 0, 1, 2] },
  });
  batcher.add(own);
  tokens(other.session, [1]);
  batcher.add(other.session);
  while (batcher.run() && parts === 0);
  t.true(parts > 5, `${parts}`);
  t.is(own.totals.updates, 1);
});

test('sessions whose peer does not read wait, until they are added again', async t => {
  const { model, batches } = await watched();
  const [{ session, outlet, sent }] = sessions(model, 1);
  const batcher = createBatcher(fail, () => 0);
  let blocked = true;
  outlet.blocked = () => blocked;
  tokens(session, [1, 2]);
  batcher.add(session);
  t.false(batcher.run());
  t.is(batches.length, 0);
  blocked = false;
  t.false(batcher.run());
  batcher.add(session);
  t.false(batcher.run());
  t.is(batches.length, 2);
  t.is(sent.length, 1);
});

test('a step that fails ends its own session, and the others of its batch are stepped', async t => {
  const { model } = await watched();
  const all = sessions(model, 3);
  const errors: unknown[] = [];
  const batcher = createBatcher(
    error => errors.push(error),
    () => 0,
  );
  all.forEach(({ session }, i) => {
    tokens(session, i === 1 ? [1, 9, 2] : [1, 2, 3]);
    batcher.add(session);
  });
  batcher.run();
  t.regex(String(errors), /broken/);
  t.is(errors.length, 1);
  t.deepEqual(
    all[1].sent.map(message => (message.type === 'fault' ? message.code : message.type)),
    ['predictions', 'internal', 'finished'],
  );
  for (const i of [0, 2]) {
    const entries = all[i].sent.flatMap(message => (message.type === 'predictions' ? message.entries : []));
    t.is(entries.length, 3);
  }
});

test('where there is no room for all their steps, each makes one alone', async t => {
  const { model } = await watched();
  const small = {
    ...model,
    moveMany(runs: Run[], count: number) {
      if (count > 1 || runs[0].count > 1) throw new LimitError('Expected less');
      return model.moveMany(runs, count);
    },
  };
  const all = sessions(small, 3);
  const batcher = createBatcher(fail, () => 0);
  all.forEach(({ session }, i) => {
    tokens(session, [1, 2, 3].slice(i));
    batcher.add(session);
  });
  t.false(batcher.run());
  t.deepEqual(
    all.map(({ sent }) => sent.map(entryCount)),
    [[3], [2], [1]],
  );
});

test('a large answer leaves as several messages', async t => {
  const model = await createModel(config('gru', [2], { kind: 'token', size: 2 }, { kind: 'classes', size: 6000 }));
  const [{ session, sent }] = sessions(model, 1);
  const batcher = createBatcher(fail, () => 0);
  tokens(session, [0, 1, 0, 1, 0, 1, 0]);
  batcher.add(session);
  batcher.run();
  t.deepEqual(
    sent.map(message => entryCount(message)),
    [3, 3, 1],
  );
});

test('in a round a session has one reset or some hundred targets, and the others theirs', async t => {
  const { model } = await watched();
  const [{ session, outlet }, other] = sessions(model, 2);
  const learner = await createPrivateLearner(model, { k1: 1, k2: 2 }, 1 << 24, false);
  let restored = 0;
  const busy: Session = { ...session, learner: { ...learner, restore: () => restored++ } };
  startLearning(busy);
  // Between two resets a target, so that they are not one.
  for (let i = 0; i < 1000; i++) {
    pushReset(busy, true);
    put(busy.queue, { kind: 'targets', forStep: 1, targets: [null], cost: 0, done: 0 });
  }
  // Each look at the clock is the end of a run.
  let time = 0;
  const { add, run } = createBatcher(fail, () => (time += 100));
  add(busy);
  tokens(other.session, [1]);
  add(other.session);
  t.true(run());
  t.is(restored, 0);
  t.is(entryCount(other.sent[0]), 1);
  for (const resets of [1, 2]) {
    t.true(run());
    t.is(restored, resets);
  }

  while (busy.queue.length > 0) take(busy.queue);
  put(busy.queue, { kind: 'targets', forStep: 1, targets: Array(600).fill(null), cost: 5, done: 0 });
  outlet.queued = 5;
  const rounds = [run(), run(), run()];
  t.deepEqual(rounds, [true, true, false]);
  t.is(outlet.queued, 0);
});

test('resets with nothing between are one, which costs something while it waits', async t => {
  const { model } = await watched();
  const [{ session, outlet }] = sessions(model, 1);
  for (let i = 0; i < 5000; i++) pushReset(session, i === 7);
  t.like(at(session.queue, 0), { kind: 'reset', weights: true });
  t.is(session.queue.length, 1);
  t.true(outlet.queued > 0);
  const { add, run } = createBatcher(fail);
  add(session);
  t.false(run());
  t.is(outlet.queued, 0);
});

test('targets that come with their frames count while they wait', async t => {
  const { model } = await watched();
  const [{ session, outlet }] = sessions(model, 1);
  const frames = { type: 'frames', session: 1, payload: { kind: 'tokens', ids: [1, 2] } } as const;
  acceptFrames(session, { ...frames, firstSeq: 1 });
  const bare = outlet.queued;
  acceptFrames(session, { ...frames, firstSeq: 3, targets: { targets: [new Float32Array(1000), null] } });
  t.true(outlet.queued - 2 * bare >= 4000);
  const { add, run } = createBatcher(fail);
  add(session);
  t.false(run());
  t.is(outlet.queued, 0);
});
