import type { ServerResponse } from 'node:http';
import { cpus, freemem, totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How busy this machine is, as of one moment. */
export interface Load {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The share of all processors that was busy since the last reading, 0 to 1. */
  readonly cpu: number;
  /** The share of the memory that is in use, 0 to 1. */
  readonly memory: number;
  /** How late a timer of this process came since the last reading, at worst, in milliseconds. */
  readonly delay: number;
}

export interface Meter {
  read(): Load;
  stop(): void;
}

/** A stream of readings for whoever asks, as server-sent events. */
export interface LoadStream {
  /** Answers with the stream, or with 503 where too many listen. */
  listen(response: ServerResponse): void;
  readonly listeners: number;
  /** Ends every answer; later ones end at once. */
  close(): void;
}

const milliseconds = 250;
const mostListeners = 100;
/** Bytes that may wait for a listener: what it does not read beyond these is not sent. */
const mostUnsent = 1 << 14;

/**
 * Measures from the first listener to the last one, and not in between.
 *
 * @param repeat as `setInterval`; returns what ends it
 */
export function createLoadStream(meter: () => Meter = createMeter, repeat = every): LoadStream {
  const listeners = new Set<ServerResponse>();
  let stop: (() => void) | undefined;
  let closed = false;

  const start = (): (() => void) => {
    const measuring = meter();
    const end = repeat(() => {
      const event = `data: ${JSON.stringify(measuring.read())}\n\n`;
      for (const response of listeners) if (response.writableLength < mostUnsent) response.write(event);
    }, milliseconds);
    return () => {
      end();
      measuring.stop();
    };
  };

  return {
    get listeners() {
      return listeners.size;
    },
    listen(response) {
      if (closed || listeners.size >= mostListeners) {
        response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8' });
        response.end(closed ? 'The server closes.\n' : `Expected at most ${mostListeners} listeners, got one more.\n`);
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write('retry: 1000\n\n');
      response.on('error', () => response.destroy());
      response.on('close', () => {
        listeners.delete(response);
        if (listeners.size > 0) return;
        stop?.();
        stop = undefined;
      });
      listeners.add(response);
      stop ??= start();
    },
    close() {
      closed = true;
      for (const response of listeners) response.end();
    },
  };
}

function every(work: () => void, interval: number): () => void {
  const timer = setInterval(work, interval);
  return () => clearInterval(timer);
}

/** Milliseconds between two looks at the clock of the event loop. */
const resolution = 10;

function createMeter(): Meter {
  const delays = monitorEventLoopDelay({ resolution });
  delays.enable();
  let before = processorTimes();
  return {
    read() {
      const now = processorTimes();
      const all = now.all - before.all;
      const cpu = all > 0 ? (now.busy - before.busy) / all : 0;
      before = now;
      // The histogram holds whole intervals.
      const delay = Math.max(0, delays.max / 1e6 - resolution);
      delays.reset();
      return { time: Date.now(), cpu, memory: 1 - freemem() / totalmem(), delay: Number.isFinite(delay) ? delay : 0 };
    },
    stop: () => delays.disable(),
  };
}

/** Of all processors together, since they started. */
function processorTimes(): { busy: number; all: number } {
  let busy = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq;
    idle += times.idle;
  }
  return { busy, all: busy + idle };
}
