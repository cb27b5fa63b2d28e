/** A real server and real clients, and between them connections that break: TCP on loopback, at a time that runs faster. */
import { type AddressInfo, connect as connectTcp, createServer, type Socket as TcpSocket } from 'node:net';
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
import type { Meddle, Network, Weather } from './network.js';

export interface Sockets {
  /** Clients of one model, over a network with this weather. */
  network(random: Random, weather: Weather, model: string, meddle?: Meddle): Network;
  /** Connections that were cut so far, and those of them in the middle of what was under way. */
  readonly cuts: number;
  readonly torn: number;
  /** Resolves with what went wrong in the server itself. */
  close(): Promise<readonly unknown[]>;
}

/** So many milliseconds of a storm pass in one, and in one turn of the event loop at most: a machine that is busy makes time slower. */
const speed = 10;
const mostOfTurn = 20;

/** Milliseconds after which a storm is given up, however slow time is. */
const mostReal = 20_000;

interface Clock {
  now(): number;
  after(milliseconds: number, call: () => void): () => void;
  stop(): void;
}

function createClock(): Clock {
  let time = 0;
  let looked = performance.now();
  const events: { readonly at: number; call: (() => void) | undefined }[] = [];
  const turn = setInterval(() => {
    const real = performance.now();
    time += Math.min(mostOfTurn, speed * (real - looked));
    looked = real;
    while (events.length > 0 && events[0].at <= time) events.shift()!.call?.();
  }, 1);
  return {
    now: () => time,
    after(milliseconds, call) {
      const event: (typeof events)[number] = { at: time + milliseconds, call };
      let place = events.length;
      while (place > 0 && events[place - 1].at > event.at) place--;
      events.splice(place, 0, event);
      return () => {
        event.call = undefined;
      };
    },
    stop: () => clearInterval(turn),
  };
}

const subprotocol = 'eddy.v1.proto';

/** A server behind a proxy that cuts connections, at any byte. */
export async function openSockets(models: Models, options: ServeOptions): Promise<Sockets> {
  const clock = createClock();
  const { now } = clock;
  const errors: unknown[] = [];
  const given = { allowShared: true, maxLearners: 10_000, maxLearnersPerConnection: 100, grace: 1000, ...options };
  const settings = checkServeOptions({ ...given, onError: error => errors.push(error) });
  const hub = createHub(models, settings, { now, later: setImmediate });
  const server = await serveHub(hub);
  const links = new Map<number, (near: TcpSocket, head: Buffer) => void>();
  const nears = new Set<TcpSocket>();
  let opened = 0;
  let sessions = 0;
  let cuts = 0;
  let torn = 0;

  const proxy = createServer({ allowHalfOpen: true, noDelay: true }, near => {
    nears.add(near);
    near.on('error', () => {});
    near.on('close', () => nears.delete(near));
    near.once('data', head => {
      const number = Number(/link=(\d+)/.exec(head.toString('latin1'))?.[1]);
      links.get(number)?.(near, head);
      links.delete(number);
    });
  });
  await new Promise<void>(resolve => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  const { port } = proxy.address() as AddressInfo;

  return {
    get cuts() {
      return cuts;
    },
    get torn() {
      return torn;
    },
    async close() {
      for (const near of nears) near.destroy();
      await server.close();
      clock.stop();
      await new Promise(resolve => {
        proxy.close(resolve);
      });
      return errors;
    },
    network(random, weather, model, meddle) {
      const start = now();
      const ends: TcpSocket[] = [];
      const cutters = new Map<unknown, () => void>();
      let isOver = false;
      const after = (milliseconds: number, call: () => void): (() => void) =>
        clock.after(milliseconds, () => isOver || call());
      const delay = (): number => 1 + 20 * random.uniform();

      /** Does things in the order in which they are given, each when its time has come. */
      const createOrder = () => {
        const queue: { readonly at: number; readonly call: () => void }[] = [];
        let stop = (): void => {};
        const next = (): void => {
          stop = after(queue[0].at - now(), () => {
            queue.shift()!.call();
            if (queue.length > 0) next();
          });
        };
        return {
          add(milliseconds: number, call: () => void): void {
            queue.push({ at: Math.max(queue.at(-1)?.at ?? 0, now() + milliseconds), call });
            if (queue.length === 1) next();
          },
          clear(): void {
            stop();
            queue.length = 0;
          },
        };
      };

      /** What is sent one way. */
      const createWay = (to: TcpSocket) => {
        const order = createOrder();
        let underWay: Buffer[] = [];
        let isCut = false;
        const carry = (data: Buffer): void => {
          underWay.push(data);
          order.add(delay(), () => {
            underWay.shift();
            to.write(data);
          });
        };
        return {
          carry(data: Buffer): void {
            if (isCut) return;
            const at = random.uniform() < 0.1 ? 1 + random.integer(data.length) : data.length;
            carry(data.subarray(0, at));
            if (at < data.length) carry(data.subarray(at));
          },
          end: () => isCut || order.add(delay(), () => to.end()),
          /** Of what is under way only a part arrives, which ends at any byte. True if it is neither all nor nothing. */
          cut(): boolean {
            isCut = true;
            order.clear();
            const all = Buffer.concat(underWay);
            underWay = [];
            const size = random.integer(all.length + 1);
            if (size > 0) to.write(all.subarray(0, size));
            return size > 0 && size < all.length;
          },
        };
      };

      interface Link {
        /** It was open once. */
        reached: boolean;
        cut(): void;
      }

      const open = (reached: boolean): { socket: Socket; link: Link } => {
        const number = ++opened;
        let cut: (() => void) | undefined;
        let isDue = false;
        links.set(number, (near, head) => {
          const far = connectTcp({ port: server.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
          far.on('error', () => {});
          ends.push(near, far);
          const [toServer, toClient] = [createWay(far), createWay(near)];
          toServer.carry(head);
          near.on('data', toServer.carry).on('end', toServer.end);
          far.on('data', toClient.carry).on('end', toClient.end);
          near.on('close', failed => failed && toServer.end());
          far.on('close', failed => failed && toClient.end());
          cut = () => {
            cut = undefined;
            cuts++;
            const deaf = random.uniform() < weather.deaf ? random.integer(2) : -1;
            const tears = [toServer.cut(), toClient.cut()];
            if (tears.includes(true)) torn++;
            for (const [side, end] of [near, far].entries()) {
              if (side === deaf) continue;
              if (random.uniform() < 0.5) end.destroySoon();
              else end.resetAndDestroy();
            }
          };
        });
        const socket = new WebSocket(`ws://127.0.0.1:${port}/?link=${number}`, [subprotocol], {
          perMessageDeflate: false,
        });
        const sendNow = socket.send.bind(socket) as (data: string | Uint8Array) => void;
        const order = createOrder();
        const send = (bytes: Uint8Array): void => {
          if (socket.readyState !== WebSocket.OPEN) return;
          const meant =
            meddle && encodeClient(meddle(decodeClient(Buffer.from(bytes), true, subprotocol), hub), subprotocol);
          sendNow(meant ?? bytes);
        };
        let lastLate = 0;
        socket.send = (data: Uint8Array) => {
          const bytes = data.slice();
          const frames = decodeClient(Buffer.from(bytes), true, subprotocol).type === 'frames';
          if (frames && random.uniform() < weather.late) {
            const late = delay() + 40 * random.uniform();
            lastLate = Math.max(lastLate, now() + late);
            after(late, () => send(bytes));
          } else if (weather.late > 0) {
            // Frames have numbers, and may overtake one another; nothing else overtakes them.
            order.add(frames ? 0 : lastLate - now(), () => send(bytes));
          } else {
            send(bytes);
          }
          if (frames && random.uniform() < weather.twice) after(delay() + 100 * random.uniform(), () => send(bytes));
        };
        const link: Link = {
          reached,
          // A first connection that fails is an error, as it should be.
          cut() {
            if (link.reached) cut?.();
            else isDue = true;
          },
        };
        socket.once('open', () => {
          link.reached = true;
          if (isDue) after(delay(), () => cut?.());
        });
        return { socket: socket as unknown as Socket, link };
      };

      return {
        hub,
        served: hub.models.get(model)!,
        now: () => now() - start,
        after,
        connect(options, listener) {
          let link: Link | undefined;
          const chance = { random: () => random.uniform(), nonce: () => `nonce-${++sessions}` };
          const reconnect = { silence: 3000, ...options.reconnect };
          const all = { subprotocol, maxBuffered: 1000, model, ...options, reconnect } as const;
          const session = connectSession(
            () => {
              const made = open(link?.reached ?? false);
              link = made.link;
              return made.socket;
            },
            all,
            listener,
            { now, after, ...chance },
          );
          cutters.set(session, () => link?.cut());
          return session;
        },
        cut: session => cutters.get(session)?.(),
        sweep: () => sweep(hub),
        async run(milliseconds, isDone = () => false) {
          const end = now() + milliseconds;
          const wait = (some: number): Promise<void> =>
            new Promise(resolve => {
              clock.after(some, resolve);
            });
          // What is broken may go round in circles, and make time slow.
          const began = performance.now();
          while (!isDone() && now() < end && performance.now() - began < mostReal) await wait(100);
          // What was said once too often comes now.
          await wait(100);
          isOver = true;
          for (const socket of ends) socket.destroy();
        },
      };
    },
  };
}
