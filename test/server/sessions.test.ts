import test from 'ava';
import { createModel } from '../../src/model/model.js';
import { createHub } from '../../src/server/hub.js';
import { checkServeOptions } from '../../src/server/options.js';
import { nowhere } from '../../src/server/register.js';
import type { Outlet } from '../../src/server/session.js';
import { createSessions } from '../../src/server/sessions.js';
import { config } from '../helpers/models.js';

test('what cannot be taken of that which came before its session was made is told as a failure of the server', async t => {
  const hub = createHub(await createModel(config('gru', [3])), checkServeOptions({}));
  const wrong = new Error('it cannot be said');
  let failed = (_: unknown): void => {};
  const told = new Promise(resolve => {
    failed = resolve;
  });
  const outlet: Outlet = {
    ...nowhere,
    send(message) {
      if (message.type === 'fault') throw wrong;
    },
  };
  const sessions = createSessions(hub, outlet, hub.everyone.plain, error => failed(error));
  sessions.receive({ type: 'open', session: 1 }, 10, 0);
  // The first frame is due.
  const payload = { kind: 'features', values: new Float32Array(3), width: 3 } as never;
  sessions.receive({ type: 'frames', session: 1, firstSeq: 7, payload }, 20, 0);
  t.is(await told, wrong);
});
