import { createAgenda } from './agenda.js';

/** Time that runs faster than the machine's, but no faster than the process gets on. */
export interface FastClock {
  /** Milliseconds. */
  now(): number;
  after(milliseconds: number, call: () => void): () => void;
  stop(): void;
}

/** So many milliseconds pass in one, and in one turn of the event loop at most: a machine that is busy makes time slower. */
const speed = 10;
const mostOfTurn = 20;

export function createFastClock(): FastClock {
  let time = 0;
  let looked = performance.now();
  const { after, next } = createAgenda(() => time);
  const turn = setInterval(() => {
    const real = performance.now();
    time += Math.min(mostOfTurn, speed * (real - looked));
    looked = real;
    for (let event = next(time); event !== undefined; event = next(time)) event.call?.();
  }, 1);
  return {
    now: () => time,
    after,
    stop: () => clearInterval(turn),
  };
}

/** Does things in the order in which they are given, each when its time has come. */
export interface Order {
  add(milliseconds: number, call: () => void): void;
  /** What waits is not done. */
  clear(): void;
}

export function createOrder({ now, after }: Pick<FastClock, 'now' | 'after'>): Order {
  const queue: { readonly at: number; readonly call: () => void }[] = [];
  let stop = (): void => {};
  const next = (): void => {
    stop = after(queue[0].at - now(), () => {
      queue.shift()!.call();
      if (queue.length > 0) next();
    });
  };
  return {
    add(milliseconds, call) {
      queue.push({ at: Math.max(queue.at(-1)?.at ?? 0, now() + milliseconds), call });
      if (queue.length === 1) next();
    },
    clear() {
      stop();
      queue.length = 0;
    },
  };
}
