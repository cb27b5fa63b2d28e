import test from 'ava';
import { createModel } from '../../src/model/model.js';
import { createHub } from '../../src/server/hub.js';
import { openSession } from '../../src/server/open.js';
import { checkServeOptions } from '../../src/server/options.js';
import { nowhere } from '../../src/server/register.js';
import { loadSession, saveSession } from '../../src/server/saved.js';
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
