/** What a log takes: one record and one line for people, as `pino` does. */
export interface Log {
  debug(record: object, message: string): void;
  info(record: object, message: string): void;
  warn(record: object, message: string): void;
  error(record: object, message: string): void;
}

/** Says nothing. */
export const silent: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {}
