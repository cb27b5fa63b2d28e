import test from 'ava';
import { createModel } from '../../src/model/model.js';
import { createHub } from '../../src/server/hub.js';
import { checkServeOptions } from '../../src/server/options.js';
import { nowhere } from '../../src/server/register.js';
import type { Outlet } from '../../src/server/session.js';
import { createSessions } from '../../src/server/sessions.js';
import { decodeServer, encodeServer, type ServerMessage } from '../../src/wire/messages.js';
import { config } from '../helpers/models.js';

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

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

test('a session whose answers have not all gone out is not put to rest, though its peer reads again', async t => {
  const settings = checkServeOptions({ idleSeconds: 1, announceSeconds: 1 });
  const hub = createHub(await createModel(config('gru', [3])), settings, { now: () => 0, later: setImmediate });
  let reads = true;
  let said = 0;
  const outlet: Outlet = {
    ...nowhere,
    sendBytes() {
      said++;
      // Its socket is full.
      if (said === 1) reads = false;
    },
    blocked: () => !reads,
  };
  const sessions = createSessions(hub, outlet, hub.everyone.plain, error => t.fail(String(error)));
  sessions.receive({ type: 'open', session: 1, resumable: true }, 10, 0);
  while (sessions.isBusy()) await turn();
  // An answer, and a fault in place of the other.
  const payload = { kind: 'features', rows: 2, values: Float32Array.of(1, 2, 3, Number.NaN, 2, 3) } as const;
  sessions.receive({ type: 'frames', session: 1, firstSeq: 1, payload }, 20, 0);
  await turn();
  t.is(said, 1);
  // What is left in the socket is little, and it is not empty yet.
  reads = true;
  for (const seconds of [1, 2]) sessions.sweep(1000 * seconds);
  t.is(said, 2);
  t.is(hub.counts.hibernations, 1);
});

test('a session that is to rest in years is announced as far ahead as can be said', async t => {
  const settings = checkServeOptions({ idleSeconds: 2 ** 31 - 1, announceSeconds: 2 ** 31 - 1 });
  const hub = createHub(await createModel(config('gru', [3])), settings, { now: () => 0, later: setImmediate });
  const said: ServerMessage[] = [];
  const outlet: Outlet = {
    ...nowhere,
    send: message => void said.push(decodeServer(encodeServer(message, 'eddy.v1.json'), false, 'eddy.v1.json')),
  };
  const sessions = createSessions(hub, outlet, hub.everyone.plain, error => t.fail(String(error)));
  sessions.receive({ type: 'open', session: 1 }, 10, 0);
  while (sessions.isBusy()) await turn();
  sessions.sweep(1000);
  t.like(said.at(-1), { type: 'expiring', milliseconds: 2 ** 32 - 1 });
});
