/**
 * Why a frame, a message or a session was refused: stable, for programs. docs/protocol.md says what to do about each.
 * `unspecified` is what a client reads when a newer server sends a code that it does not know.
 */
export type FaultCode =
  | 'unspecified'
  | 'malformed'
  | 'invalid'
  | 'unsupported'
  | 'unknown_model'
  | 'unknown_session'
  | 'session_exists'
  | 'session_finished'
  | 'bad_config'
  | 'bad_input'
  | 'bad_target'
  | 'target_expired'
  | 'gap'
  | 'credit_exceeded'
  | 'limit_reached'
  | 'rate_limited'
  | 'not_permitted'
  | 'diverged'
  | 'bad_snapshot'
  | 'token_expired'
  | 'taken_over'
  | 'evicted'
  | 'draining'
  | 'internal'
  | 'target_exists'
  | 'bad_reset';
