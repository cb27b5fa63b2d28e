/** The messages of `eddy.v1` as plain records, and their two encodings. */
export type * from './client-messages.js';
export { frameCount } from './client-messages.js';
export { closeCodes, isCloseCode, isRetryableClose } from './close-codes.js';
export { decodeClient, decodeServer, encodeClient, encodeServer } from './codec.js';
export {
  addEntry,
  addSteps,
  clearEntries,
  type Entries,
  joinEntries,
  lengthOf,
  startEntries,
} from './fast-entries.js';
export { copyMessage } from './fast-writer.js';
export type * from './faults.js';
export { defaultLimits, type WireLimits } from './limits.js';
export type * from './server-messages.js';
export type * from './settings.js';
export { given } from './settings.js';
export { isSubprotocol, type Subprotocol, subprotocols, type WireData } from './subprotocol.js';
