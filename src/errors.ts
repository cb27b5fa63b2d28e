/**
 * The errors of eddy: native subclasses, each with a stable `code`.
 *
 * A message reads "Expected *name* to be ..., got ..." and ends with the way out where there is one.
 * Every code has a heading in docs/errors.md, and a test compares the two.
 */
export class EddyError extends Error {
  /** Stable, for programs; the message is for people. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** A wrong argument or configuration: thrown at once, by the factory that was given it. */
export class ConfigError extends EddyError {
  constructor(message: string, options?: ErrorOptions) {
    super('EDDY_CONFIG', message, options);
  }
}

/** @throws ConfigError saying what `name` should be, and what it is, where that does not fit */
export function expect(fits: boolean, name: string, wanted: string, found: unknown): void {
  if (!fits) throw new ConfigError(`Expected ${name} to be ${wanted}, got ${shortOf(found)}`);
}

/** As text; an object by its class, since it may have no text of its own. */
function shortOf(found: unknown): string {
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? kindOf(found) : String(found);
}

/**
 * What is passed over in silence may be a slip of the pen.
 *
 * @throws ConfigError at a field that is none of the known ones
 */
export function expectKnown(name: string, given: object, known: readonly string[]): void {
  for (const field of Object.keys(given)) expect(known.includes(field), name, `one of ${known.join(', ')}`, field);
}

/** @throws ConfigError if options are no object, or at one that is none of the known ones */
export function expectOptions(options: object, known: readonly string[]): void {
  expect(typeof options === 'object' && options !== null, 'options', 'an object', options);
  expectKnown('an option', options, known);
}

/** What was given in the place of something else: the name of its class, or its type. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof Promise) return 'Promise: await it';
  return typeof value === 'object' ? (value.constructor?.name ?? 'an object') : typeof value;
}

/** @throws InputError where something else is given, such as the bytes of a file */
export function expectText(text: unknown, of: string): void {
  if (typeof text !== 'string') throw new InputError(`Expected the text of ${of}, got ${kindOf(text)}`);
}

/** @throws InputError where something else is given, such as the path of a file */
export function expectBytes(bytes: unknown, of: string): void {
  if (!(bytes instanceof Uint8Array)) throw new InputError(`Expected the bytes of ${of}, got ${kindOf(bytes)}`);
}

/** An input (or a carry) of the wrong kind or shape, out of range, or not finite. Ends its own stream, and no other. */
export class InputError extends EddyError {
  /** Position of the offending number in the row, where there is one. */
  readonly index: number | undefined;
  /** What a number that is not finite stands in, where it is one. */
  readonly where: 'input' | 'carry' | undefined;

  constructor(message: string, index?: number, where?: 'input' | 'carry') {
    super('EDDY_INPUT', message);
    this.index = index;
    this.where = where;
  }
}

/** A target of the wrong kind or shape, or for a step that does not exist. */
export class TargetError extends EddyError {
  constructor(message: string) {
    super('EDDY_TARGET', message);
  }
}

/** A file that is no checkpoint, or a checkpoint that does not fit; names the tensor, the expected and the found shape. */
export class CheckpointError extends EddyError {
  constructor(message: string, options?: ErrorOptions) {
    super('EDDY_CHECKPOINT', message, options);
  }
}

/** Learning failed too many times in a row. */
export class DivergenceError extends EddyError {
  constructor(message: string) {
    super('EDDY_DIVERGENCE', message);
  }
}

/** A state was asked for after its moment: a carry or a window that has moved on. */
export class StaleStateError extends EddyError {
  constructor(message: string) {
    super('EDDY_STALE_STATE', message);
  }
}

/** Bytes or text that are no message of the wire (`malformed`), or a message that breaks one of its rules (`invalid`). */
export class WireError extends EddyError {
  /** The fault that tells the other side. */
  readonly fault: 'malformed' | 'invalid';
  /** The session that is meant; 0 where it is not known. */
  readonly session: number;

  constructor(message: string, fault: 'malformed' | 'invalid', session = 0) {
    super('EDDY_WIRE', message);
    this.fault = fault;
    this.session = session;
  }
}

/** More of something than was allowed: open streams, sessions, bytes. The message names the option that raises the limit. */
export class LimitError extends EddyError {
  constructor(message: string, options?: ErrorOptions) {
    super('EDDY_LIMIT', message, options);
  }
}

/** A server that cannot start: a port in use or not allowed, an address that is not this machine's; or whose sessions have no place, or what they taught. */
export class ServeError extends EddyError {
  constructor(message: string, options?: ErrorOptions) {
    super('EDDY_SERVE', message, options);
  }
}

/** What a server said instead of an answer, or a connection that ended before the answers did. */
export class RemoteError extends EddyError {
  /** The code of the server's fault; `closed` where the connection was lost. */
  readonly fault: string;
  /** The same may succeed later. */
  readonly retryable: boolean;
  /** The frame that is meant, where there is one. */
  readonly seq: number | undefined;
  /** The step that is meant, where there is one. */
  readonly step: number | undefined;
  /** The WebSocket close code, where the connection was lost. */
  readonly closeCode: number | undefined;

  constructor(
    message: string,
    details: { fault: string; retryable: boolean; seq?: number; step?: number; closeCode?: number },
    options?: ErrorOptions,
  ) {
    super('EDDY_REMOTE', message, options);
    this.fault = details.fault;
    this.retryable = details.retryable;
    this.seq = details.seq;
    this.step = details.step;
    this.closeCode = details.closeCode;
  }
}

/** A file that is no record of a run, or a line of one that cannot be read. */
export class RecordError extends EddyError {
  constructor(message: string) {
    super('EDDY_RECORD', message);
  }
}
