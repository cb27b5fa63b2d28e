import type { OpenSocket, Socket } from './line.js';
import { createRemote, type Remote } from './remote.js';
import { createRemoteSession, type RemoteSession } from './remote-session.js';

export type { Finished, Fresh, Learn, Learning, Opened, Subprotocol, Want } from '../wire/messages.js';
export type { RemoteLearned, RemoteStep, RemoteUpdate } from './answers.js';
export type { Reconnect, RemoteState } from './line.js';
export type { RemoteOptions, ResumePoint } from './options.js';
export type { RemoteChunk, RemoteInput, RemoteItem, RemoteSound } from './outgoing.js';
export type { Remote } from './remote.js';
export type { RemoteHandle, RemoteSession } from './remote-session.js';

const openSocket: OpenSocket = (url, subprotocol) => new WebSocket(url, [subprotocol]) as Socket;

export const remote: Remote = createRemote(openSocket);
export const remoteSession: RemoteSession = createRemoteSession(openSocket);
