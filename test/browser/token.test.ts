import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RemoteLearned, RemoteOptions, RemoteSession, RemoteStep } from '../../src/client/index.js';
import type { RemoteError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import { createHub } from '../../src/server/hub.js';
import { checkServeOptions } from '../../src/server/options.js';
import { serveHub } from '../../src/server/serve.js';
import { bits } from '../helpers/bits.js';
import { browserTest, launch, open } from '../helpers/browser.js';
import { bundle, servePage } from '../helpers/bundled.js';
import { config, randomInput } from '../helpers/models.js';

const token = 'of-a-page-0123456789';
const tokens = [
  { name: 'page', token, permissions: ['predict'] },
  { name: 'teacher', token: 'of-a-teacher-0123456789' },
] as const;

browserTest('a page tells its token on each of its connections, and nowhere else', async t => {
  const model = await createModel(config('gru', [5]), { seed: 7 });
  const random = createRandom(1);
  const rows = Array.from({ length: 6 }, () => [...(randomInput(random, model) as Float32Array)]);
  let carry = model.zeroCarry();
  const expected = rows.map(row => {
    const step = model.step(carry, Float32Array.from(row));
    carry = step.carry;
    return bits(step.prediction);
  });
  const hub = createHub(model, checkServeOptions({ tokens, grace: 200 }));
  const server = await serveHub(hub);
  t.teardown(() => server.close());

  const folder = mkdtempSync(join(tmpdir(), 'eddy-token-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const client = JSON.stringify(fileURLToPath(new URL('../../src/client/browser.js', import.meta.url)));
  const script = await bundle(folder, `import { remoteSession } from ${client}; window.remoteSession = remoteSession;`);
  const policy = `script-src 'self'; connect-src 'self' ${server.url}`;
  const { page, errors } = await open(await launch(t), await servePage(t, { 'bundle.js': script }, policy));
  const addresses: string[] = [];
  page.on('websocket', socket => addresses.push(socket.url()));

  /** The answers to rows, or the fault that comes instead. */
  const ask = (some: number[][], options: RemoteOptions): Promise<{ predictions: number[][]; fault?: object }> =>
    page.evaluate(
      async ([url, rows, options]) => {
        const { remoteSession } = window as unknown as { remoteSession: RemoteSession };
        const session = remoteSession(url, options as { learn?: 'none' });
        const predictions: number[][] = [];
        try {
          for (const row of rows) await session.send(Float32Array.from(row));
          session.finish();
          for await (const answer of session as AsyncIterable<RemoteStep | RemoteLearned>) {
            if (!('kind' in answer)) predictions.push([...answer.prediction]);
            else if (answer.kind === 'step') predictions.push([...answer.step.prediction]);
          }
          return { predictions };
        } catch (error) {
          const { fault, retryable } = error as RemoteError;
          return { predictions, fault: { fault, retryable } };
        }
      },
      [server.url, some, options] as const,
    );
  const asBits = (predictions: number[][]): unknown[] => predictions.map(one => bits(Float32Array.from(one)));

  for (const subprotocol of ['eddy.v1.proto', 'eddy.v1.json'] as const) {
    const { predictions, fault } = await ask(rows, { token, subprotocol });
    t.is(fault, undefined);
    t.deepEqual(asBits(predictions), expected);
  }
  for (const options of [{}, { token: 'of-nobody-0123456789' }, { token, learn: 'private' }] as const) {
    t.deepEqual(await ask(rows.slice(0, 1), options), {
      predictions: [],
      fault: { fault: 'not_permitted', retryable: false },
    });
  }
  t.is((await ask(rows.slice(0, 1), { token: tokens[1].token, learn: 'private' })).fault, undefined);

  // A connection that is lost: the next one is told the token, too, and the session goes on.
  await page.evaluate(
    async ([url, row, token]) => {
      const { remoteSession } = window as unknown as { remoteSession: RemoteSession };
      const session = remoteSession(url, { token });
      const answers = session[Symbol.asyncIterator]();
      Object.assign(window, {
        next: async (values: number[]) => {
          await session.send(Float32Array.from(values));
          return [...(await answers.next()).value!.prediction];
        },
      });
      await session.send(Float32Array.from(row));
      await answers.next();
    },
    [server.url, rows[0], token] as const,
  );
  for (const connection of hub.connections) connection.terminate();
  const after = await page.evaluate(
    row => (window as unknown as { next(row: number[]): Promise<number[]> }).next(row),
    rows[1],
  );
  t.deepEqual(asBits([after]), expected.slice(1, 2));
  t.is(hub.counts.resumes.get('live'), 1);

  t.true(addresses.length >= 8);
  t.is(
    addresses.find(address => address.includes('of-a')),
    undefined,
    'addresses end up in logs',
  );
  t.deepEqual(errors, []);
});
