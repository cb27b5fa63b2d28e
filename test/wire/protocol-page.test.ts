import { on, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { WebSocket } from 'ws';
import type { ModelConfig } from '../../src/model/config.js';
import { createModel } from '../../src/model/model.js';
import { serve } from '../../src/server/serve.js';
import { schema } from '../../src/wire/eddy.generated.js';
import { closeCodes, decodeClient, decodeServer, isRetryableClose } from '../../src/wire/messages.js';
import { repositoryRoot } from '../helpers/repository.js';
import { faultCodes } from '../helpers/wire-arbitraries.js';

const page = readFileSync(join(repositoryRoot, 'docs/protocol.md'), 'utf8');

/** The network that the page serves. */
const served: ModelConfig = {
  input: { kind: 'features', size: 2 },
  layers: [{ cell: 'gru', size: 4 }],
  output: { kind: 'values', size: 2 },
};

/** The first cells of the rows of the table below a heading. */
function rows(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1].split('\n## ')[0];
  return [...section.matchAll(/^\| (.*) \|$/gm)].map(([, row]) =>
    row.split(' | ').map(cell => cell.replaceAll('`', '')),
  );
}

test('the page has a heading for each message', t => {
  const headings = [...page.matchAll(/^### `(\w+)`: (\w+)$/gm)].map(([, field, message]) => `${field} ${message}`);
  const messages = ['ClientMessage', 'ServerMessage'].flatMap(envelope =>
    schema.messages[envelope].filter(field => field.oneof).map(({ name, ref }) => `${name} ${ref}`),
  );
  t.deepEqual(headings.sort(), messages.sort());
});

test('the page names every field', t => {
  const words = new Set([...page.matchAll(/`([^`\n]+)`/g)].flatMap(([, code]) => code.split(/[^A-Za-z0-9]+/)));
  const missing = Object.entries(schema.messages).flatMap(([message, fields]) =>
    fields.filter(({ name }) => !words.has(name)).map(({ name }) => `${message}.${name}`),
  );
  t.deepEqual(missing, []);
});

test('the page lists every fault code', t => {
  t.deepEqual(
    rows('Fault codes')
      .map(([code]) => code)
      .filter(code => code !== 'code'),
    [...faultCodes],
  );
});

test('the page lists every close code, and says after which a client connects again', t => {
  const listed = rows('Close codes').filter(([code]) => code !== 'code');
  t.deepEqual(
    listed.map(([code]) => Number(code)).filter(code => code !== 1006),
    Object.values(closeCodes),
  );
  for (const [code, , client] of listed) t.is(client.startsWith('again'), isRetryableClose(Number(code)), code);
});

test('a server answers the session of the page as the page says', async t => {
  const lines = page.split('```wscat\n')[1].split('\n```')[0].split('\n');
  const server = await serve(await createModel(served), { port: 0 });
  t.teardown(() => server.close());
  const socket = new WebSocket(server.url, 'eddy.v1.json');
  t.teardown(() => socket.terminate());
  await once(socket, 'open');
  const answers = on(socket, 'message');
  for (const line of lines) {
    if (line.startsWith('> ')) socket.send(line.slice(2));
    else t.like(JSON.parse(String((await answers.next()).value[0])), JSON.parse(line.slice(2)));
  }
});

test('a server answers the request of the page as the page says, and goes on from the carry', async t => {
  const [, command, answer] = /-d '(.*)'\n```\n\n```json\n(.*)\n```/.exec(page)!;
  const server = await serve(await createModel(served), { port: 0 });
  t.teardown(() => server.close());
  const ask = async (body: string) => {
    const response = await fetch(`${server.url.replace('ws:', 'http:')}/step`, { method: 'POST', body });
    return response.text();
  };
  t.is((await ask(command)).trimEnd(), answer);
  const { input } = JSON.parse(command);
  const { steps, carry } = JSON.parse(await ask(JSON.stringify({ inputs: [input, input] })));
  const { prediction, carry: after } = JSON.parse(
    await ask(JSON.stringify({ input, carry: JSON.parse(answer).carry })),
  );
  t.deepEqual(after, carry);
  t.deepEqual(prediction, steps[1].prediction);
});

test('the messages of the page are messages', t => {
  const lines = page.split('```wscat\n')[1].split('\n```')[0].split('\n');
  t.true(lines.length >= 10);
  for (const line of lines) {
    const decode = line.startsWith('> ') ? decodeClient : decodeServer;
    t.notThrows(() => decode(line.slice(2), false, 'eddy.v1.json'), line);
  }
  const opens = [...page.matchAll(/`(\{"session".*?\})`/g)]
    .map(([, text]) => text)
    .filter(text => !text.includes('...'));
  t.true(opens.length >= 1);
  for (const text of opens) t.notThrows(() => decodeClient(text, false, 'eddy.v1.json'), text);
});
