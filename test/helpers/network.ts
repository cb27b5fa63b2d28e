/** A server and its clients on sockets that are none, at a time that is none: all that happens follows from one seed. */
import { EventEmitter } from 'node:events';
import { connectSession, type SessionOptions } from '../../src/client/connection.js';
import type { Socket } from '../../src/client/line.js';
import type { Listener } from '../../src/client/telling.js';
import type { TrainableModel } from '../../src/model/model.js';
import type { Random } from '../../src/random.js';
import { connect } from '../../src/server/connection.js';
import { createHub, type Hub } from '../../src/server/hub.js';
import { sweep } from '../../src/server/life.js';
import { checkServeOptions, type ServeOptions } from '../../src/server/options.js';
import type { Served } from '../../src/server/served.js';
import {
  type ClientMessage,
  closeCodes,
  decodeClient,
  encodeClient,
  type Subprotocol,
} from '../../src/wire/messages.js';
import { createAgenda } from './agenda.js';

/** What the network does, each from 0 to 1. */
export interface Weather {
  /** A message of frames comes twice, the second time later; one comes after those that were sent later. */
  readonly twice: number;
  readonly late: number;
  /** Of a cut: that one side never hears of it. */
  readonly deaf: number;
}

export const quiet: Weather = { twice: 0, late: 0, deaf: 0 };

/** A server and clients of it: here on sockets that are none, in `sockets.ts` on real ones. */
export interface Network {
  readonly hub: Hub;
  /** What the clients are served. */
  readonly served: Served;
  now(): number;
  after(milliseconds: number, call: () => void): () => void;
  /** A client's session on a connection of its own, made again as the client wants it. */
  connect(options: Partial<SessionOptions>, listener: Listener): ReturnType<typeof connectSession>;
  /** Cuts the newest connection of a client, with what is under way on it. */
  cut(session: ReturnType<typeof connectSession>): void;
  sweep(): void;
  /** Until nothing happens any more, or so much time has passed. `isDone` tells whether more is to be waited for, where time is real. */
  run(milliseconds: number, isDone?: () => boolean): Promise<void>;
}

/** One in memory, whose server can end. */
export interface MemoryNetwork extends Network {
  /** The server closes, after so many milliseconds with what is left of its connections; `hand` gives the next one what it had. */
  restart(grace: number, hand: (old: Hub, next: Hub) => Promise<void>): void;
}

/** A message on its way to the server, or what a broken network makes of it. */
export type Meddle = (message: ClientMessage, hub: Hub) => ClientMessage;

/** Milliseconds: an update of a learner takes several. */
const betweenLooks = 0.02;

/** In one run: what is broken may go round in circles. */
const mostEvents = 5000;

/** What a message of session 1 is, by the number of its field: read from its bytes, since all of them are looked at. */
const fieldOf = (bytes: Buffer): number => bytes[bytes[0] === 8 ? 2 : 0] >> 3;
const fields = { open: 2, frames: 3 };

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

export function createNetwork(
  random: Random,
  models: TrainableModel | Readonly<Record<string, TrainableModel>>,
  weather: Weather,
  options: ServeOptions = {},
  meddle?: Meddle,
): MemoryNetwork {
  let time = 0;
  const { after, next } = createAgenda(() => time);
  const links = new Map<unknown, Link[]>();
  let nonces = 0;
  let opening: (() => boolean) | undefined;

  const settings = checkServeOptions({
    allowShared: true,
    maxLearners: 100,
    maxLearnersPerConnection: 100,
    onError(error) {
      throw error;
    },
    ...options,
  });
  /** Time goes on while the server works: at its looks at the clock, so that updates are left in their middle. */
  const look = (): number => {
    time += betweenLooks;
    return time;
  };
  const begin = (): Hub => createHub(models, settings, { now: look, later: call => void after(0.01, call) });
  let hub = begin();
  /** One server has ended, and the next has not begun. */
  let down = false;
  /** Changes when an open has been answered. */
  const openings = (): number => {
    const { sessions, faults, resumes } = hub.counts;
    return [...faults.values(), ...resumes.values()].reduce((sum, count) => sum + count, sessions.opened);
  };
  /** A session, or a state of one, is being read. */
  const isReading = (): boolean => {
    for (const { waking } of hub.register.resting()) if (waking) return true;
    for (const { paused } of hub.register.all()) if (paused) return true;
    return false;
  };
  const delay = (): number => 1 + 20 * random.uniform();

  interface Link {
    cut(): void;
  }

  const open = (own: Link[], subprotocol: Subprotocol): Socket => {
    let [clientHears, serverHears] = [true, true];
    let ended = false;
    let [toServer, toClient, lastLate] = [0, 0, 0];
    const inOrder = (last: number): number => Math.max(last + 0.001, time + delay());

    const webSocket = Object.assign(new EventEmitter(), {
      OPEN: 1,
      readyState: 1,
      bufferedAmount: 0,
      isPaused: false,
      pause() {},
      resume() {},
      ping() {},
      close(code: number, reason = '') {
        if (webSocket.readyState !== 1) return;
        webSocket.readyState = 2;
        toClient = inOrder(toClient);
        after(toClient - time, () => endClient(code, reason));
        after(toClient - time, () => endServer(code));
      },
      terminate: () => endServer(1006),
    });
    const meddled = (how: Meddle, data: Buffer): Buffer =>
      Buffer.from(encodeClient(how(decodeClient(data, true, subprotocol), hub), subprotocol) as Uint8Array);
    const endServer = (code: number): void => {
      if (ended) return;
      ended = true;
      serverHears = false;
      webSocket.readyState = 3;
      webSocket.emit('close', code);
    };
    const endClient = (code: number, reason: string): void => {
      if (!clientHears) return;
      clientHears = false;
      socket.readyState = 3;
      socket.onclose?.({ code, reason } as never);
    };
    const deliver = (data: Buffer): void => {
      if (!serverHears) return;
      const bytes = meddle === undefined ? data : meddled(meddle, data);
      if (fieldOf(data) === fields.open) {
        const before = openings();
        opening = () => openings() === before;
      }
      webSocket.emit('message', bytes, true);
    };
    const socket = {
      binaryType: 'arraybuffer',
      readyState: 0,
      bufferedAmount: 0,
      onopen: null,
      onmessage: null,
      onerror: null,
      onclose: null,
      send(data: Uint8Array) {
        const own = Buffer.from(data);
        const frames = fieldOf(own) === fields.frames;
        let arrives: number;
        if (frames && random.uniform() < weather.late) {
          arrives = time + delay() + 40 * random.uniform();
          lastLate = Math.max(lastLate, arrives);
        } else {
          // Frames have numbers, and may overtake one another; nothing else overtakes them.
          arrives = toServer = inOrder(frames ? toServer : Math.max(toServer, lastLate));
        }
        after(arrives - time, () => deliver(own));
        if (frames && random.uniform() < weather.twice)
          after(arrives - time + delay() + 100 * random.uniform(), () => deliver(own));
      },
      close(code = 1005) {
        if (socket.readyState === 3) return;
        socket.readyState = 3;
        clientHears = false;
        if (!serverHears) return;
        toServer = inOrder(toServer);
        after(toServer - time, () => endServer(code));
      },
    } as unknown as Socket & { readyState: number };
    own.push({
      cut() {
        // What has not arrived is lost, in the middle of a message or between two.
        if (socket.readyState === 0) return;
        const [client, server] = [clientHears, serverHears];
        clientHears = serverHears = false;
        const deaf = random.uniform() < weather.deaf ? random.integer(2) : -1;
        if (client && deaf !== 0) {
          after(delay(), () => {
            clientHears = true;
            endClient(1006, 'cut');
          });
        }
        if (server && deaf !== 1) after(delay(), () => endServer(1006));
      },
    });
    let unread = Buffer.alloc(0);
    const pair = Object.assign(new EventEmitter(), {
      writableHighWaterMark: 0,
      cork() {},
      uncork() {},
      write(data: Uint8Array) {
        // Pieces of any size, as a network has them.
        for (let at = 0; at < data.length; ) {
          const end = random.uniform() < 0.1 ? at + 1 + random.integer(data.length - at) : data.length;
          const piece = Buffer.from(data.subarray(at, end));
          toClient = inOrder(toClient);
          after(toClient - time, () => hear(piece));
          at = end;
        }
      },
    });
    const hear = (piece: Buffer): void => {
      if (!clientHears) return;
      unread = Buffer.concat([unread, piece]);
      while (unread.length >= 2) {
        const head = unread[1] === 127 ? 10 : unread[1] === 126 ? 4 : 2;
        if (unread.length < head) return;
        const size = head === 2 ? unread[1] : head === 4 ? unread.readUInt16BE(2) : unread.readUIntBE(4, 6);
        if (unread.length < head + size) return;
        const message = unread.subarray(head, head + size);
        unread = unread.subarray(head + size);
        if (clientHears && socket.readyState === 1)
          socket.onmessage?.({ data: Uint8Array.from(message).buffer } as never);
      }
    };
    after(delay(), () => {
      if (!clientHears) return;
      if (down) {
        endClient(closeCodes.restart, 'no server');
        return;
      }
      connect(hub, webSocket as never, pair as never, subprotocol, hub.everyone.sharing);
      socket.readyState = 1;
      socket.onopen?.(undefined as never);
    });
    return socket;
  };

  return {
    get hub() {
      return hub;
    },
    served: hub.models.get('default')!,
    restart(grace, hand) {
      if (down) return;
      down = hub.draining = true;
      for (const connection of hub.connections) connection.shut(closeCodes.restart, 'the server closes');
      after(grace, () => {
        for (const connection of hub.connections) connection.terminate();
      });
      after(grace + 1, async () => {
        const next = begin();
        await hand(hub, next);
        hub = next;
        down = false;
      });
    },
    now: () => time,
    after,
    connect(given, listener) {
      const own: Link[] = [];
      const clock = {
        now: () => time,
        after,
        random: () => random.uniform(),
        nonce: () => `nonce-${++nonces}`,
      };
      const reconnect = given.reconnect === false ? given.reconnect : { silence: 3000, ...given.reconnect };
      const all = { subprotocol: 'eddy.v1.proto', maxBuffered: 1000, ...given, reconnect } as const;
      const session = connectSession(() => open(own, 'eddy.v1.proto'), all, listener, clock);
      links.set(session, own);
      return session;
    },
    cut: session => links.get(session)?.at(-1)?.cut(),
    sweep: () => sweep(hub),
    async run(milliseconds) {
      const end = time + milliseconds;
      // What was given just before leaves first.
      await nextTurn();
      for (let i = 0; i < mostEvents; i++) {
        const event = next(end);
        if (event === undefined) break;
        if (event.call === undefined) continue;
        time = Math.max(time, event.at);
        await event.call();
        await null;
        await null;
        for (let i = 0; i < 30 && opening?.(); i++) await null;
        // An open that a connection which closes does not take is never answered.
        for (let i = 0; i < 1000 && (opening?.() || isReading()); i++) await nextTurn();
        opening = undefined;
      }
    },
  };
}
