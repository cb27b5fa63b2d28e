/** What whoever connects may do, and how much of it. */
import type { FaultCode } from '../wire/messages.js';

/**
 * `predict`: step frames, over a session or `POST /step`; `learn-private`: sessions with weights of their own;
 * `learn-shared`: move a model for everyone; `fresh`: new networks; `observe`: metrics and the list of sessions;
 * `operate`: drain the server, and all that `observe` is for.
 */
export const permissions = ['predict', 'learn-private', 'learn-shared', 'fresh', 'observe', 'operate'] as const;

export type Permission = (typeof permissions)[number];

/** Bounds for all connections of one token together. */
export interface GrantLimits {
  readonly maxConnections: number;
  readonly maxSessions: number;
  readonly maxLearners: number;
  /** Messages a second, for each connection. */
  readonly messageRate: number;
}

export interface Grant extends GrantLimits {
  /** As logs and metrics call it: never the token. */
  readonly name: string;
  readonly permissions: ReadonlySet<Permission>;
  /** At present. */
  connections: number;
  sessions: number;
  learners: number;
}

export function createGrant(
  name: string,
  allowed: Iterable<Permission>,
  { maxConnections, maxSessions, maxLearners, messageRate }: Partial<GrantLimits> = {},
): Grant {
  const all = new Set(allowed);
  if (all.has('operate')) all.add('observe');
  return {
    name,
    permissions: all,
    maxConnections: maxConnections ?? Number.POSITIVE_INFINITY,
    maxSessions: maxSessions ?? Number.POSITIVE_INFINITY,
    maxLearners: maxLearners ?? Number.POSITIVE_INFINITY,
    messageRate: messageRate ?? Number.POSITIVE_INFINITY,
    connections: 0,
    sessions: 0,
    learners: 0,
  };
}

/** Why the grant does not cover what `open` asks for, if it does not. */
export function missingPermission(
  { permissions: has, name }: Grant,
  asked: { readonly learn?: 'none' | 'private' | 'shared'; readonly fresh?: unknown },
): { readonly fault: FaultCode; readonly message: string } | undefined {
  const needed: Permission[] = ['predict'];
  if (asked.learn === 'private') needed.push('learn-private');
  if (asked.learn === 'shared') needed.push('learn-shared');
  if (asked.fresh !== undefined) needed.push('fresh');
  const missing = needed.find(permission => !has.has(permission));
  if (missing === undefined) return undefined;
  return { fault: 'not_permitted', message: `Expected the permission ${missing}, got a client (${name}) without it` };
}
