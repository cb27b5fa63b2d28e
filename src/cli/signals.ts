/** Signals that ask a program to end. */
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export interface Stopping {
  /** The exit status of the signal that came; undefined while none has. */
  readonly status: number | undefined;
  /** The signals mean again what they always do. */
  forget(): void;
}

/** The first signal asks to stop; a second one will not wait any longer. */
export function onSignal(stop: () => void, now: (status: number) => void): Stopping {
  let status: number | undefined;
  const listeners = Object.entries(signals).map(([name, code]) => {
    const listener = (): void => {
      if (status !== undefined) now(code);
      else {
        status = code;
        stop();
      }
    };
    process.on(name, listener);
    return [name, listener] as const;
  });
  return {
    get status() {
      return status;
    },
    forget() {
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}
