import test from 'ava';
import { createModel } from '../../src/model/model.js';
import { readSafetensors, writeSafetensors } from '../../src/model/safetensors.js';
import { createHub } from '../../src/server/hub.js';
import { startLearning } from '../../src/server/learning.js';
import { openSession } from '../../src/server/open.js';
import { checkServeOptions } from '../../src/server/options.js';
import { nowhere } from '../../src/server/register.js';
import { loadSession, saveSession } from '../../src/server/saved.js';
import { sayFault } from '../../src/server/session.js';
import { config } from '../helpers/models.js';

for (const loss of [0.1, 1e300, Number.POSITIVE_INFINITY, Number.NaN]) {
  test(`a session whose losses come to ${loss} has the same totals when it was saved`, async t => {
    const hub = createHub(await createModel(config('gru', [3])), checkServeOptions({}));
    const grant = hub.everyone.plain;
    const session = await openSession({ type: 'open', session: 1, resumable: true }, nowhere, hub, grant);
    Object.assign(session.totals, { frames: 3, targets: 2, loss });
    const again = await loadSession(saveSession(session, session.token), session.served, hub, nowhere, grant);
    t.deepEqual(again.totals, session.totals);
  });
}

test('a session that cannot be read leaves no learner behind, whatever is wrong with it', async t => {
  const hub = createHub(await createModel(config('gru', [3])), checkServeOptions({ allowShared: true }));
  const grant = hub.everyone.sharing;
  const learning = { k1: 1, k2: 2 };
  const open = { type: 'open', session: 1, resumable: true, learn: 'shared', learning } as const;
  const session = await openSession(open, nowhere, hub, grant);
  startLearning(session);
  const { tensors, metadata } = readSafetensors(saveSession(session, session.token));
  const without = (name: string): Uint8Array =>
    writeSafetensors(new Map([...tensors].filter(([one]) => one !== name)), metadata);
  const { served } = session;
  t.is(served.sharers, 1);
  for (const name of ['snapshot', 'messages']) {
    await t.throwsAsync(loadSession(without(name), served, hub, nowhere, grant));
    t.is(served.sharers, 1, name);
  }
  await loadSession(without('nothing'), served, hub, nowhere, grant);
  t.is(served.sharers, 2);
});

test('what a session kept is not counted where that cannot be read', async t => {
  const hub = createHub(await createModel(config('gru', [3])), checkServeOptions({}));
  const grant = hub.everyone.plain;
  const session = await openSession({ type: 'open', session: 1, resumable: true }, nowhere, hub, grant);
  for (const code of ['bad_target', 'bad_reset'] as const) sayFault(session, code, 'wrong');
  const { unacknowledgedBytes } = hub.counts;
  const { tensors, metadata } = readSafetensors(saveSession(session, session.token));
  // The second message is not one any more.
  tensors.get('messages')!.data.fill(0xff, session.kept!.messages[0].bytes.length);
  await t.throwsAsync(loadSession(writeSafetensors(tensors, metadata), session.served, hub, nowhere, grant));
  t.is(hub.counts.unacknowledgedBytes, unacknowledgedBytes);
});
