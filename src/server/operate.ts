/** What the server says of itself to operators and the programs that watch it. */
import type { Grant } from './grant.js';
import type { ConnectionDescription, Hub } from './hub.js';
import { hasRoom } from './room.js';
import { RequestError } from './step-request.js';

/**
 * The process lives and its event loop turns: 200 also while it drains.
 *
 * @param grant of whoever asks: a stranger is told no more than that
 */
export function health(hub: Hub, grant: Grant | 'wrong' | undefined): object {
  const status = hub.draining ? 'draining' : 'ok';
  if (grant === undefined || grant === 'wrong' || !grant.permissions.has('observe')) return { status };
  return {
    status,
    models: [...hub.models.keys()],
    connections: hub.connections.size,
    sessions: hub.sessions,
    unsentBytes: [...hub.connections].reduce((sum, connection) => sum + connection.unsentBytes(), 0),
  };
}

/** Whether a new client would be served. */
export function readiness(hub: Hub): 'ready' | 'draining' | 'no models' | 'full' {
  if (hub.draining) return 'draining';
  if (hub.models.size === 0) return 'no models';
  return hasRoom(hub) && hub.connections.size < hub.settings.maxConnections ? 'ready' : 'full';
}

export interface SessionList {
  readonly connections: readonly ConnectionDescription[];
  /** Sessions that wait for their clients, and those that rest in the store. */
  readonly detached: number;
  readonly hibernated: number;
  /** The last connection, if there are more. */
  readonly next?: number;
}

/** Connections in one answer, at most. */
const most = 100;

/**
 * Connections with their sessions, the oldest first: `?after=` goes on behind that connection, where `next` says that there
 * are more.
 */
export function listSessions({ connections, register }: Hub, query: URLSearchParams): SessionList {
  const after = Number(query.get('after') ?? 0);
  if (!Number.isSafeInteger(after) || after < 0) {
    throw new RequestError(
      400,
      'invalid',
      `Expected after to be the number of a connection, got ${query.get('after')}`,
    );
  }
  const found: ConnectionDescription[] = [];
  const elsewhere = { detached: register.detached.size, hibernated: register.restingSize() };
  for (const connection of connections) {
    const description = connection.describe();
    if (description.connection <= after) continue;
    if (found.length === most) return { connections: found, ...elsewhere, next: found[most - 1].connection };
    found.push(description);
  }
  return { connections: found, ...elsewhere };
}
