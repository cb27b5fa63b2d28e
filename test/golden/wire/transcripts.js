/**
 * Records whole exchanges with a server, for clients in any language to be checked against: `transcripts.json`. What a client
 * sends is marked `>`, what comes back `<`, each message as hexadecimal bytes of eddy.v1.proto. The model is drawn from a seed,
 * so that every server of this protocol gives the same bytes. Run after `npm run build`:
 * node test/golden/wire/transcripts.js && npx biome format --write test/golden/wire
 */
import { writeFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import { createModel } from '../../../dist/src/index.js';
import { serve } from '../../../dist/src/server/index.js';
import { encodeClient } from '../../../dist/src/wire/messages.js';
import { exchanges, model } from './exchanges.js';

const server = await serve(await createModel(model, { seed: 11 }), { retryAfter: 5000 });
const transcripts = {};
for (const [name, steps] of Object.entries(exchanges)) {
  const socket = new WebSocket(server.url, ['eddy.v1.proto']);
  const came = [];
  let wake = () => {};
  socket.on('message', data => {
    came.push(data.toString('hex'));
    wake();
  });
  await new Promise(resolve => socket.once('open', resolve));
  const lines = [];
  for (const { send, answers } of steps) {
    const bytes = Buffer.from(encodeClient(send, 'eddy.v1.proto'));
    lines.push(`> ${bytes.toString('hex')}`);
    socket.send(bytes);
    for (let i = 0; i < answers; i++) {
      while (came.length === 0) {
        await new Promise(resolve => {
          wake = resolve;
        });
      }
      lines.push(`< ${came.shift()}`);
    }
  }
  socket.close(1000);
  transcripts[name] = lines;
}
await server.close();
writeFileSync(new URL('transcripts.json', import.meta.url), JSON.stringify({ model, seed: 11, transcripts }));
