import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { WebSocket } from 'ws';
import { createModel, type ModelConfig } from '../../src/index.js';
import { decodeServer } from '../../src/wire/messages.js';
import { repositoryRoot } from '../helpers/repository.js';
import { startServer } from '../helpers/wire-client.js';

/** Made by test/golden/wire/transcripts.js. */
const { model, seed, transcripts } = JSON.parse(
  readFileSync(join(repositoryRoot, 'test/golden/wire/transcripts.json'), 'utf8'),
) as { model: ModelConfig; seed: number; transcripts: Record<string, string[]> };

// A run of the server ends by the clock: it stands still, so that no answers part on a slow machine.
performance.now = () => 0;

for (const [name, lines] of Object.entries(transcripts)) {
  test(`the server says what it said, byte for byte: ${name}`, async t => {
    const server = await startServer(t, await createModel(model, { seed }));
    const socket = new WebSocket(server.url, ['eddy.v1.proto']);
    t.teardown(() => socket.terminate());
    const came: string[] = [];
    let wake = (): void => {};
    socket.on('message', (data: Buffer) => {
      came.push(data.toString('hex'));
      wake();
    });
    await new Promise(resolve => socket.once('open', resolve));
    t.true(lines.length >= 4);
    for (const line of lines) {
      const bytes = Buffer.from(line.slice(2), 'hex');
      if (line.startsWith('> ')) {
        socket.send(bytes);
        continue;
      }
      while (came.length === 0) {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
      const got = came.shift()!;
      if (got !== line.slice(2)) {
        t.deepEqual(
          decodeServer(Buffer.from(got, 'hex'), true, 'eddy.v1.proto'),
          decodeServer(bytes, true, 'eddy.v1.proto'),
        );
        t.fail('other bytes of the same meaning');
      }
    }
    t.is(came.length, 0, 'nothing more');
  });
}
