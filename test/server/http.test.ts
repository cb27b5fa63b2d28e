import { get } from 'node:http';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { createStrokes } from '../../src/encoders/strokes.js';
import { createModel, type Model } from '../../src/model/model.js';
import type { ServeOptions } from '../../src/server/index.js';
import { firstDifference } from '../helpers/bits.js';
import { scribble } from '../helpers/ink.js';
import { config } from '../helpers/models.js';
import { connectWire, openSession, rowFrames, startServer } from '../helpers/wire-client.js';

const labels = ['a', 'b', 'c', 'd', 'e'];

/** As `fetch`, which sends no other host. */
function ask(url: string, headers: Record<string, string>): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    get(url, { headers, agent: false }, async response => {
      let body = '';
      for await (const part of response) body += part;
      resolve({ status: response.statusCode!, body });
    }).on('error', reject);
  });
}

async function setUp(t: ExecutionContext, options: ServeOptions = {}) {
  const rows = await createModel(config('lstm', [4]), { seed: 3 });
  const tokens = await createModel(
    {
      ...config('gru', [6], { kind: 'token', size: 5 }, { kind: 'classes', size: 5 }),
      labels,
      encoder: { kind: 'characters', vocabulary: 'abcd' },
    },
    { seed: 4 },
  );
  const server = await startServer(t, { default: rows, tokens }, options);
  const post = async (body: unknown, path = '/step') => {
    const response = await fetch(server.httpUrl + path, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    // biome-ignore lint/suspicious/noExplicitAny: whatever the server says
    return { status: response.status, answer: (await response.json()) as any };
  };
  return { server, rows, tokens, post };
}

test('POST /step steps once; its carry goes into the next request, and the bits are those of step', async t => {
  const { rows, post } = await setUp(t);
  let carry = rows.zeroCarry();
  let sent: number[] | undefined;
  for (const input of [
    [0.1, -0.2, 0.3],
    [1, 2, 3],
    [-0, 1e-3, 7.25],
  ]) {
    const { status, answer } = await post({ carry: sent, input });
    const step = rows.step(carry, Float32Array.from(input));
    t.is(status, 200);
    t.is(answer.model, 'default');
    t.is(firstDifference(answer.prediction.map(Number), step.prediction), -1);
    t.is(firstDifference(answer.logits.map(Number), step.logits), -1);
    t.is(firstDifference(answer.carry.map(Number), step.carry), -1);
    ({ carry } = step);
    sent = answer.carry.map(Number);
  }
});

test('what an answer says as text is read again', async t => {
  const { rows, post } = await setUp(t);
  const carry = rows.zeroCarry().map((_, i) => (i % 2 === 0 ? -0 : 0.5));
  const { status, answer } = await post({ input: [1, '-0', 2], carry: Array.from(carry, x => (x === 0 ? '-0' : x)) });
  t.is(status, 200);
  const step = rows.step(carry, Float32Array.of(1, -0, 2));
  t.is(firstDifference(answer.carry.map(Number), step.carry), -1);
  const { answer: refused } = await post({ input: [1, 'NaN', 2] });
  t.like(refused.error, { code: 'bad_input', index: 1 });
  t.regex(refused.error.message, /got NaN$/);
});

test('a state that grows beyond float32 between two steps is told as such', async t => {
  const { rows, post } = await setUp(t);
  const weights = rows.weights();
  rows.setWeights({
    'readout.weight': weights['readout.weight'].fill(0),
    weight_ih_l0: weights.weight_ih_l0.fill(3e38),
  });
  rows.setWeights({ weight_hh_l0: weights.weight_hh_l0.map((_, i) => (i % 2 ? 3e38 : -3e38)) });
  const carry = rows.zeroCarry().fill(3e38);
  const { status, answer } = await post({
    carry: [...carry],
    inputs: [
      [1, 1, 1],
      [1, 1, 1],
    ],
  });
  t.false(rows.step(carry, Float32Array.of(1, 1, 1)).carry.every(Number.isFinite), 'it stays finite: no proof');
  t.is(status, 400);
  t.is(answer.error.code, 'bad_input');
  t.regex(
    answer.error.message,
    /state .* after step 1, got NaN at \d: it grew beyond float32; begin with another carry/,
  );
});

test('several inputs, or a text, are several steps, and labels come along', async t => {
  const { tokens, post } = await setUp(t);
  const [inputs, text] = [
    await post({ model: 'tokens', inputs: [0, 3, 1] }),
    await post({ model: 'tokens', text: 'adb' }),
  ];
  t.deepEqual(inputs.answer, text.answer);
  t.deepEqual(inputs.answer.labels, labels);
  t.is(inputs.answer.steps.length, 3);
  let carry = tokens.zeroCarry();
  for (const [i, token] of [0, 3, 1].entries()) {
    const step = tokens.step(carry, token);
    t.is(firstDifference(inputs.answer.steps[i].prediction, step.prediction), -1);
    ({ carry } = step);
  }
  t.is(firstDifference(inputs.answer.carry, carry), -1);
});

test('points are as many steps as their ink is long', async t => {
  const encoder = createStrokes({ kind: 'strokes', spacing: 0.5, unit: 10 });
  const ink = await createModel({ ...config('gru', [4], encoder.input), encoder: { ...encoder.config } }, { seed: 3 });
  const server = await startServer(t, ink);
  const post = async (points: unknown) => {
    const response = await fetch(`${server.httpUrl}/step`, { method: 'POST', body: JSON.stringify({ points }) });
    return { status: response.status, answer: (await response.json()) as { carry: number[]; message?: string } };
  };
  const points = scribble(2);
  const { inputs } = encoder.encode(encoder.initial(), points);
  const carry = inputs.reduce((before, input) => ink.step(before, input).carry, ink.zeroCarry());
  t.is(firstDifference((await post(points)).answer.carry.map(Number), carry), -1);
  const bare = points.map(({ up, ...point }) => (up ? { ...point, up } : point));
  t.is(firstDifference((await post(bare)).answer.carry.map(Number), carry), -1);
  t.is((await post([{ x: 'left' }])).status, 400);
  t.is((await post([null])).status, 400);
  t.is((await post('5 5')).status, 400);
});

test('what is wrong with a request is told by status and code', async t => {
  const { post } = await setUp(t, { maxPayload: 10_000 });
  const input = [1, 2, 3];
  const cases: [unknown, number, string, RegExp][] = [
    ['{"input":', 400, 'malformed', /not JSON/],
    [[1, 2, 3], 400, 'invalid', /object/],
    [{}, 400, 'invalid', /got none/],
    [{ input, cary: [1, 2] }, 400, 'invalid', /a field to be one of model, carry, .*got cary/],
    [{ input, inputs: [input] }, 400, 'invalid', /input and inputs/],
    [{ inputs: [] }, 400, 'invalid', /1 to \d+ steps/],
    [{ model: 'nobody', input }, 404, 'unknown_model', /default, tokens/],
    [{ model: 7, input }, 400, 'invalid', /model/],
    [{ input: [1, 2] }, 400, 'bad_input', /3 features, got 2/],
    [{ input: [1, null, 3] }, 400, 'bad_input', /list of numbers/],
    [{ input: 'abc' }, 400, 'bad_input', /"abc"/],
    [{ input: [1, 2, 1e39] }, 400, 'bad_input', /finite/],
    [{ model: 'tokens', input: 5 }, 400, 'bad_input', /0 to 4, got 5/],
    [{ model: 'tokens', input: 0.5 }, 400, 'bad_input', /got 0.5/],
    [{ input: 7 }, 400, 'bad_input', /^Expected input to be a list of numbers \(3 features\), got 7$/],
    [{ inputs: [input, 7] }, 400, 'bad_input', /^Expected inputs\[1\] to be a list .* got 7$/],
    [{ inputs: [input, [7]] }, 400, 'bad_input', /^Expected inputs\[1\] to have 3 features, got 1$/],
    [{ input: [1, 2, 1e39] }, 400, 'bad_input', /got 1e\+39$/],
    [
      { model: 'tokens', input },
      400,
      'bad_input',
      /^Expected input to be a token, a number from 0 to 4, got \[1,2,3\]$/,
    ],
    [
      { model: 'tokens', inputs: [1, '2'] },
      400,
      'bad_input',
      /^Expected inputs\[1\] to be a token, a number from 0 to 4, got "2"$/,
    ],
    [{ input, carry: [1, 2] }, 400, 'bad_input', /carry to have 8 numbers, got 2/],
    [{ input, carry: [1, 2, 3, 4, 5, 6, 7, 1e39] }, 400, 'bad_input', /carry\[7\]/],
    [{ input, carry: 'x' }, 400, 'bad_input', /carry/],
    [{ text: 'ab' }, 400, 'bad_input', /no encoder/],
    [{ input: Array(6000).fill(1) }, 413, 'too_large', /10000/],
  ];
  for (const [body, status, code, message] of cases) {
    const got = await post(body);
    const what = JSON.stringify(body).slice(0, 60);
    t.is(got.status, status, what);
    t.is(got.answer.error.code, code, what);
    t.regex(got.answer.error.message, message, what);
  }
  const { answer } = await post({ input: [1, 2, 1e39] });
  t.is(answer.error.index, 2);
  const last = await post({ input });
  t.is(last.status, 200);
  t.is((await post({ ...last.answer, input })).status, 200, 'an answer that comes back with the next input');
});

test('a request that is nested deeper than the stack is refused, and is no failure of the server', async t => {
  const errors: unknown[] = [];
  const { post } = await setUp(t, { onError: error => errors.push(error) });
  const nested = '['.repeat(200_000) + ']'.repeat(200_000);
  for (const body of [nested, `{"input":${nested}}`, `{"input":[1,2,3],"carry":${nested}}`]) {
    const { status, answer } = await post(body);
    t.is(status, 400);
    t.is(answer.error.code, 'malformed');
  }
  t.deepEqual(errors, []);
});

test('other methods and routes are refused, and /healthz says what is served', async t => {
  const { server } = await setUp(t);
  const get = await fetch(`${server.httpUrl}/step`);
  t.is(get.status, 405);
  t.is(get.headers.get('allow'), 'POST');
  t.is((await fetch(`${server.httpUrl}/nothing`)).status, 404);
  const health = await fetch(`${server.httpUrl}/healthz`);
  t.is(health.status, 200);
  t.like(await health.json(), { status: 'ok', models: ['default', 'tokens'], connections: 0, sessions: 0 });
});

test('a request whose answer would be too long is refused, and one step never is', async t => {
  const config = { input: { kind: 'token', size: 2 }, output: { kind: 'classes', size: 50_000 } } as const;
  const wide = await createModel({ ...config, layers: [{ cell: 'rnn_tanh', size: 2 }] });
  const server = await startServer(t, wide);
  const post = (body: object) =>
    fetch(`${server.httpUrl}/step`, { method: 'POST', body: JSON.stringify(body) }) as Promise<Response>;
  t.is((await post({ inputs: [0, 1] })).status, 200);
  const refused = await post({ inputs: [0, 1, 0] });
  t.is(refused.status, 413);
  t.regex(await refused.text(), /at most 262144 numbers, got 300000/);
});

test('other sessions are answered while a long request is stepped', async t => {
  const model = await createModel(config('gru', [3]), { seed: 3 });
  const input = [0.1, 0.2, 0.3];
  const inputs = Array(64).fill(input);
  // Each step takes more than a slice, on any machine.
  const slow: Model = {
    ...model,
    step(carry, row) {
      for (const began = performance.now(); performance.now() < began + 5; );
      return model.step(carry, row as Float32Array);
    },
  };
  const server = await startServer(t, slow);
  const client = await connectWire(t, server.url);
  await openSession(client);
  let ended = false;
  const long = fetch(`${server.httpUrl}/step`, { method: 'POST', body: JSON.stringify({ inputs }) }).then(
    async response => {
      ended = true;
      t.is(((await response.json()) as { steps: unknown[] }).steps.length, inputs.length);
    },
  );
  let answered = 0;
  while (!ended) {
    client.send(rowFrames(1, answered + 1, [Float32Array.from(input)]));
    await client.expect('predictions');
    if (!ended) answered++;
  }
  await long;
  t.true(answered > 8, `${answered}`);
});

test('only names of this machine, the host option and the origins are answered on loopback', async t => {
  const { server } = await setUp(t, { origins: ['https://eddy.example'] });
  const asked = async (host: string, path = '/step') => {
    const { status, body } = await ask(server.httpUrl + path, { host });
    if (status === 403) t.is(JSON.parse(body).error.code, 'not_permitted');
    return status;
  };
  for (const host of [
    'localhost',
    `localhost:${server.port}`,
    '127.0.0.1',
    '127.9.9.9:1',
    '[::1]:80',
    'eddy.example',
  ]) {
    t.is(await asked(host), 405, host);
  }
  for (const host of ['evil.example', `evil.example:${server.port}`, '127.0.0.1.evil.example', 'localhost.evil']) {
    t.is(await asked(host), 403, host);
    t.is(await asked(host, '/healthz'), 403, host);
  }
});

test('a server of other addresses answers to any name', async t => {
  const { server } = await setUp(t, { host: '0.0.0.0', allowAnonymous: true });
  t.is((await ask(`http://127.0.0.1:${server.port}/healthz`, { host: 'eddy.example' })).status, 200);
});

test('otherwise answers other routes on the same port, and only those it takes', async t => {
  const { server } = await setUp(t, {
    otherwise(request, response) {
      if (request.url !== '/page') return false;
      response.end('a page');
      return true;
    },
  });
  t.is(await (await fetch(`${server.httpUrl}/page`)).text(), 'a page');
  t.is((await fetch(`${server.httpUrl}/other`)).status, 404);
  t.is((await fetch(`${server.httpUrl}/healthz`)).status, 200);
});

test('an otherwise that throws is the server’s fault, told and logged, and the server goes on', async t => {
  const errors: unknown[] = [];
  const { server } = await setUp(t, {
    otherwise() {
      throw new Error('broken page');
    },
    onError: error => errors.push(error),
  });
  const response = await fetch(`${server.httpUrl}/page`);
  t.is(response.status, 500);
  t.is(((await response.json()) as { error: { code: string } }).error.code, 'internal');
  t.regex(String(errors[0]), /broken page/);
  t.is((await fetch(`${server.httpUrl}/healthz`)).status, 200);
});

test.serial('an onError that throws costs nothing: standard error is told', async t => {
  const said: unknown[] = [];
  const { error } = console;
  console.error = thrown => void said.push(thrown);
  t.teardown(() => {
    console.error = error;
  });
  const { server } = await setUp(t, {
    otherwise() {
      throw new Error('broken page');
    },
    onError() {
      throw new Error('broken listener');
    },
  });
  const response = await fetch(`${server.httpUrl}/page`);
  t.is(response.status, 500);
  t.is(((await response.json()) as { error: { code: string } }).error.code, 'internal');
  t.is((await fetch(`${server.httpUrl}/healthz`)).status, 200);
  t.deepEqual(said.map(String), ['Error: broken listener']);
});

test.serial('a log that throws costs nothing either', async t => {
  const said: unknown[] = [];
  const { error } = console;
  console.error = thrown => void said.push(thrown);
  t.teardown(() => {
    console.error = error;
  });
  const broken = (): never => {
    throw new Error('broken log');
  };
  const { server } = await setUp(t, { log: { debug: broken, info: broken, warn: broken, error: broken } });
  const client = await connectWire(t, server.url);
  await openSession(client);
  client.socket.close();
  await client.closed;
  await server.close();
  t.true(said.length >= 3);
  t.deepEqual([...new Set(said.map(String))], ['Error: broken log']);
});

test('a client that leaves in the middle of its request is no failure of the server', async t => {
  const errors: unknown[] = [];
  let cut = (): void => {};
  const ignore = (): void => {};
  const debug = (_: object, text: string): void => {
    if (text === 'request cut short') cut();
  };
  const log = { info: ignore, warn: ignore, error: ignore, debug };
  const { server, post } = await setUp(t, {
    log,
    onError: error => {
      errors.push(error);
      cut();
    },
  });
  for (const header of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
    const socket = connect(server.port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    // It leaves once the server waits for the body.
    socket.once('data', () => socket.destroy());
    await new Promise<void>(resolve => {
      cut = resolve;
      socket.write(`POST /step HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n${header}\r\n\r\n2\r\n{"`);
    });
  }
  t.is((await post({ input: [1, 2, 3] })).status, 200);
  t.deepEqual(errors, []);
});
