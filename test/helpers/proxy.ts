/** TCP between clients and a server that is slow, and cuts connections at any byte. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Random } from '../../src/random.js';
import { createOrder, type FastClock } from './fast-clock.js';

/** One connection through the proxy. */
export interface Link {
  /** Where its client connects. */
  readonly url: string;
  /** Cuts it, if it is there: what is under way arrives in part; one side may never hear of it. */
  cut(): void;
  /** Nothing is left of it. */
  end(): void;
}

export interface Proxy {
  /** @param deaf of a cut: how often one side never hears of it */
  link(random: Random, deaf: number): Link;
  /** Connections that were cut so far, and those of them in the middle of what was under way. */
  readonly cuts: number;
  readonly torn: number;
  close(): Promise<void>;
}

const host = '127.0.0.1';

/** Milliseconds that a piece takes. */
const delayOf = (random: Random): number => 1 + 20 * random.uniform();

/** @param server its port */
export async function openProxy(server: number, clock: FastClock): Promise<Proxy> {
  /** Those that wait for their client, by the number in its address. */
  const links = new Map<number, (near: Socket, head: Buffer) => void>();
  const nears = new Set<Socket>();
  let opened = 0;
  let cuts = 0;
  let torn = 0;

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, near => {
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
    listener.listen(0, host, resolve);
  });
  const { port } = listener.address() as AddressInfo;

  return {
    get cuts() {
      return cuts;
    },
    get torn() {
      return torn;
    },
    link(random, deaf) {
      const number = ++opened;
      let cut = (): void => {};
      let end = (): void => {};
      links.set(number, (near, head) => {
        const far = connect({ port: server, host, allowHalfOpen: true, noDelay: true });
        far.on('error', () => {});
        const toServer = createWay(far, random, clock);
        const toClient = createWay(near, random, clock);
        toServer.carry(head);
        near.on('data', toServer.carry).on('end', toServer.end);
        far.on('data', toClient.carry).on('end', toClient.end);
        near.on('close', failed => failed && toServer.end());
        far.on('close', failed => failed && toClient.end());
        cut = () => {
          cut = () => {};
          cuts++;
          const tears = [toServer.cut(), toClient.cut()];
          if (tears.includes(true)) torn++;
          const unheard = random.uniform() < deaf ? random.integer(2) : -1;
          for (const [side, socket] of [near, far].entries()) {
            if (side === unheard) continue;
            if (random.uniform() < 0.5) socket.destroySoon();
            else socket.resetAndDestroy();
          }
        };
        end = () => {
          near.destroy();
          far.destroy();
        };
      });
      return { url: `ws://${host}:${port}/?link=${number}`, cut: () => cut(), end: () => end() };
    },
    async close() {
      for (const near of nears) near.destroy();
      await new Promise(resolve => {
        listener.close(resolve);
      });
    },
  };
}

/** What is sent one way. */
function createWay(to: Socket, random: Random, clock: FastClock) {
  const order = createOrder(clock);
  let underWay: Buffer[] = [];
  let isCut = false;
  const add = (data: Buffer): void => {
    underWay.push(data);
    order.add(delayOf(random), () => {
      underWay.shift();
      to.write(data);
    });
  };
  return {
    /** In pieces of any size, as a network has them. */
    carry(data: Buffer): void {
      if (isCut) return;
      const at = random.uniform() < 0.1 ? 1 + random.integer(data.length) : data.length;
      add(data.subarray(0, at));
      if (at < data.length) add(data.subarray(at));
    },
    end(): void {
      if (!isCut) order.add(delayOf(random), () => to.end());
    },
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
}
