import test from 'ava';
import { createModel } from '../../src/model/model.js';
import { readSafetensors, writeSafetensors } from '../../src/model/safetensors.js';
import { createHandling } from '../../src/server/handling.js';
import { createHub } from '../../src/server/hub.js';
import { startLearning } from '../../src/server/learning.js';
import { enter, release } from '../../src/server/life.js';
import { openSession } from '../../src/server/open.js';
import { checkServeOptions } from '../../src/server/options.js';
import { nowhere } from '../../src/server/register.js';
import { takeSnapshot } from '../../src/server/snapshot.js';
import { advance } from '../../src/server/stepping.js';
import { config } from '../helpers/models.js';

test('a state that turns out not to fit when its session is gone is nobody’s, and nothing is kept of it', async t => {
  const hub = createHub(await createModel(config('gru', [3])), checkServeOptions({}));
  const grant = hub.everyone.plain;
  const open = { type: 'open', session: 1, resumable: true, learn: 'private', learning: { k1: 1, k2: 2 } } as const;
  enter(hub, grant, true);
  const session = await openSession(open, nowhere, hub, grant);
  startLearning(session);
  const { metadata, tensors } = readSafetensors(takeSnapshot(session));
  // Which is found once its learner was read.
  const said = JSON.stringify({ ...JSON.parse(metadata['eddy.snapshot']), steps: 7 });
  const data = writeSafetensors(tensors, { 'eddy.snapshot': said });
  let woken: () => void;
  const read = new Promise<void>(resolve => {
    woken = resolve;
  });
  const handle = createHandling(hub.settings, { close() {}, wakeUp: () => woken(), failed() {} });
  handle(session, { type: 'restore', session: 1, data }, data.length);
  advance(session, {} as never, 1, () => true);
  t.true(session.paused);
  release(hub, session);
  await read;
  t.is(hub.counts.unacknowledgedBytes, 0);
  t.is(session.kept!.messages.length, 0);
});

test('what goes wrong after a state was read is told as a failure of the server', async t => {
  const hub = createHub(await createModel(config('gru', [3])), checkServeOptions({}));
  const grant = hub.everyone.plain;
  enter(hub, grant, false);
  const session = await openSession({ type: 'open', session: 1 }, nowhere, hub, grant);
  const data = takeSnapshot(session);
  const wrong = new Error('it cannot go on');
  const told = new Promise(failed => {
    const wakeUp = (): void => {
      throw wrong;
    };
    const handle = createHandling(hub.settings, { close() {}, wakeUp, failed });
    handle(session, { type: 'restore', session: 1, data }, data.length);
  });
  advance(session, {} as never, 1, () => true);
  t.is(await told, wrong);
});
