/** The WebSocket close codes of eddy; from 4400 they follow the HTTP status of the same meaning. */
export const closeCodes = {
  /** Done. */
  finished: 1000,
  /** The server goes away. */
  goingAway: 1001,
  /** A message in more WebSocket frames than it may have. */
  fragments: 1008,
  /** Larger than the payload limit. */
  tooBig: 1009,
  /** The server failed. */
  internal: 1011,
  /** The server drains and comes back. */
  restart: 1012,
  /** Full; come back later. */
  tryLater: 1013,
  /** Not a message of the subprotocol. */
  malformed: 4400,
  unauthorised: 4401,
  forbidden: 4403,
  noSuchSession: 4404,
  idle: 4408,
  /** A newer connection goes on with the session. */
  takenOver: 4409,
  tokenExpired: 4410,
  /** Beyond what one connection may have. */
  limits: 4413,
  rate: 4429,
} as const;

const codes: ReadonlySet<number> = new Set(Object.values(closeCodes));

/** Whether this close code is one of eddy's. */
export function isCloseCode(code: number): boolean {
  return codes.has(code);
}

const retryable: ReadonlySet<number> = new Set([
  closeCodes.goingAway,
  1006,
  closeCodes.internal,
  closeCodes.restart,
  closeCodes.tryLater,
  closeCodes.idle,
  closeCodes.rate,
]);

/** Whether a client should connect again (with full jitter) after this close code. */
export function isRetryableClose(code: number): boolean {
  return retryable.has(code);
}
