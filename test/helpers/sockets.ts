/** A real server and real clients, and between them connections that break: TCP on loopback, at a time that runs faster. */
import { WebSocket } from 'ws';
import { connectSession } from '../../src/client/connection.js';
import type { Socket } from '../../src/client/line.js';
import type { Random } from '../../src/random.js';
import { createHub } from '../../src/server/hub.js';
import { sweep } from '../../src/server/life.js';
import { checkServeOptions, type ServeOptions } from '../../src/server/options.js';
import { serveHub } from '../../src/server/serve.js';
import type { Models } from '../../src/server/served.js';
import { decodeClient, encodeClient } from '../../src/wire/messages.js';
import { createFastClock, createOrder, type FastClock } from './fast-clock.js';
import type { Meddle, Network, Weather } from './network.js';
import { type Link, openProxy } from './proxy.js';

export interface Sockets {
  /** Clients of one model, over a network with this weather. */
  network(random: Random, weather: Weather, model: string, meddle?: Meddle): Network;
  /** Connections that were cut so far, and those of them in the middle of what was under way. */
  readonly cuts: number;
  readonly torn: number;
  /** Resolves with what went wrong in the server itself. */
  close(): Promise<readonly unknown[]>;
}

/** Milliseconds after which a storm is given up, however slow time is: what is broken may go round in circles. */
const mostReal = 20_000;

const subprotocol = 'eddy.v1.proto';

export async function openSockets(models: Models, options: ServeOptions): Promise<Sockets> {
  const clock = createFastClock();
  const { now } = clock;
  const errors: unknown[] = [];
  const given = { allowShared: true, maxLearners: 10_000, maxLearnersPerConnection: 100, grace: 1000, ...options };
  const settings = checkServeOptions({ ...given, onError: error => errors.push(error) });
  const hub = createHub(models, settings, { now, later: setImmediate });
  const server = await serveHub(hub);
  const proxy = await openProxy(server.port, clock);
  let sessions = 0;

  return {
    get cuts() {
      return proxy.cuts;
    },
    get torn() {
      return proxy.torn;
    },
    async close() {
      await proxy.close();
      await server.close();
      clock.stop();
      return errors;
    },
    network(random, weather, model, meddle) {
      const start = now();
      const links: Link[] = [];
      const cutters = new Map<unknown, () => void>();
      let isOver = false;
      const after = (milliseconds: number, call: () => void): (() => void) =>
        clock.after(milliseconds, () => isOver || call());
      return {
        hub,
        served: hub.models.get(model)!,
        now: () => now() - start,
        after,
        connect(options, listener) {
          let cut = (): void => {};
          /** There was a connection: from then on a failure is no error. */
          let reached = false;
          const open = (): Socket => {
            const link = proxy.link(random, weather.deaf);
            links.push(link);
            const socket = new WebSocket(link.url, [subprotocol], { perMessageDeflate: false });
            let isDue = false;
            cut = () => {
              if (reached) link.cut();
              else isDue = true;
            };
            socket.once('open', () => {
              reached = true;
              if (isDue) after(20 * random.uniform(), link.cut);
            });
            disturb(socket, random, weather, { now, after }, meddle && (message => meddle(message, hub)));
            return socket as unknown as Socket;
          };
          const chance = { random: () => random.uniform(), nonce: () => `nonce-${++sessions}` };
          const reconnect = { silence: 3000, ...options.reconnect };
          const all = { subprotocol, maxBuffered: 1000, model, ...options, reconnect } as const;
          const session = connectSession(open, all, listener, { now, after, ...chance });
          cutters.set(session, () => cut());
          return session;
        },
        cut: session => cutters.get(session)?.(),
        sweep: () => sweep(hub),
        async run(milliseconds, isDone = () => false) {
          const end = now() + milliseconds;
          const began = performance.now();
          const wait = (some: number): Promise<void> =>
            new Promise(resolve => {
              clock.after(some, resolve);
            });
          while (!isDone() && now() < end && performance.now() - began < mostReal) await wait(100);
          // What was said once too often comes now.
          await wait(100);
          isOver = true;
          for (const link of links) link.end();
        },
      };
    },
  };
}

/** Frames that a client sends come twice, or after those that were sent later; and all as a broken network makes it. */
function disturb(
  socket: WebSocket,
  random: Random,
  weather: Weather,
  clock: Pick<FastClock, 'now' | 'after'>,
  meddle?: (message: Parameters<Meddle>[0]) => ReturnType<Meddle>,
): void {
  const { now, after } = clock;
  const send = socket.send.bind(socket) as (data: string | Uint8Array) => void;
  const order = createOrder(clock);
  let lastLate = 0;
  const deliver = (bytes: Uint8Array): void => {
    if (socket.readyState !== WebSocket.OPEN) return;
    send(meddle ? encodeClient(meddle(decodeClient(Buffer.from(bytes), true, subprotocol)), subprotocol) : bytes);
  };
  socket.send = (data: Uint8Array) => {
    const bytes = data.slice();
    const frames = decodeClient(Buffer.from(bytes), true, subprotocol).type === 'frames';
    if (frames && random.uniform() < weather.late) {
      const late = 20 + 40 * random.uniform();
      lastLate = Math.max(lastLate, now() + late);
      after(late, () => deliver(bytes));
    } else if (weather.late > 0) {
      // Frames have numbers, and may overtake one another; nothing else overtakes them.
      order.add(frames ? 0 : lastLate - now(), () => deliver(bytes));
    } else {
      deliver(bytes);
    }
    if (frames && random.uniform() < weather.twice) after(20 + 100 * random.uniform(), () => deliver(bytes));
  };
}
