import { createModel } from '../../src/model/model.js';
import { serve } from '../../src/server/index.js';
import { config } from './models.js';

/** A server in a process of its own, so that its memory is its own: tells its port, and what it uses when it is asked. */
const server = await serve(await createModel(config('gru', [5]), { seed: 7 }), {
  allowFresh: true,
  maxPayload: 1 << 16,
  maxConnections: 64,
  maxSessionsPerConnection: 100,
  highWater: 1 << 16,
  unreadGrace: 1500,
  grace: 500,
  // What is refused is told to the client, not here: nothing of this may happen.
  onError: error => process.send!({ failed: error instanceof Error ? error.stack : String(error) }),
});
process.on('message', () => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send!({ rss, held: heapUsed + external });
});
process.on('disconnect', () => process.exit());
process.send!({ port: server.port });
