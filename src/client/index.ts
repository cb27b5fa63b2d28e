import { WebSocket } from 'ws';
import type { Socket } from './connection.js';
import { createRemote, type Remote } from './remote.js';

export type { Finished, Fresh, Learn, Learning, Opened, Subprotocol, Want } from '../wire/messages.js';
export type { RemoteLearned, RemoteStep, RemoteUpdate } from './answers.js';
export type { RemoteOptions } from './options.js';
export type { RemoteInput, RemoteItem } from './outgoing.js';
export type { Remote } from './remote.js';

/** Largest message of a server that is taken. */
const maxPayload = 1 << 26;

export const remote: Remote = createRemote(
  (url, subprotocol) => new WebSocket(url, [subprotocol], { perMessageDeflate: false, maxPayload }) as Socket,
);
