import type { EventEmitter } from 'node:events';

/** Waits until one of the events comes. */
export function anyOf(emitter: EventEmitter, events: readonly string[]): Promise<void> {
  return new Promise(resolve => {
    const come = (): void => {
      for (const event of events) emitter.off(event, come);
      resolve();
    };
    for (const event of events) emitter.on(event, come);
  });
}

/** Lets everything else that waits go first. */
export function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
