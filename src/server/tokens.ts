/** Bearer tokens: who they name, and how one is told from another without telling by time how near it came. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { ConfigError, expect, expectKnown } from '../errors.js';
import { createGrant, type Grant, type GrantLimits, type Permission, permissions } from './grant.js';

/** One token, as a file lists it. */
export interface TokenConfig extends Partial<GrantLimits> {
  /** For logs and metrics. */
  readonly name: string;
  /** At least 16 characters, of those that a header can carry. */
  readonly token?: string;
  /** Instead of the token: its SHA-256, 64 hexadecimal digits. So the file holds nothing that lets anyone in. */
  readonly sha256?: string;
  /** Default: predict and learn-private. */
  readonly permissions?: readonly Permission[];
}

/** What a token is known by, and what it grants. */
interface Entry {
  readonly digest: Buffer;
  readonly grant: Grant;
}

export interface Tokens {
  readonly entries: readonly Entry[];
  /** The grant of a token; undefined if it is none of ours. */
  find(token: string): Grant | undefined;
}

const shortest = 16;
const limits = ['maxConnections', 'maxSessions', 'maxLearners', 'messageRate'] as const;
const fields = ['name', 'token', 'sha256', 'permissions', ...limits];

/** @throws ConfigError naming what is wrong, and never a token */
export function createTokens(list: readonly TokenConfig[]): Tokens {
  expect(Array.isArray(list) && list.length > 0, 'tokens', 'a list of one or more', typeof list);
  list.forEach((config: unknown, i) => {
    expect(typeof config === 'object' && config !== null, `tokens[${i}]`, 'a record of one token', typeof config);
  });
  const entries = list.map((config, i) => ({ digest: digestOf(config, i), grant: grantOf(config, i) }));
  const names = entries.map(({ grant }) => grant.name);
  expect(new Set(names).size === names.length, 'tokens', 'tokens of different names', names.join(', '));
  const digests = entries.map(({ digest }) => digest.toString('hex'));
  expect(new Set(digests).size === digests.length, 'tokens', 'tokens that differ', 'one of them twice');
  return tokensOf(entries);
}

/**
 * Another list in the place of an older one. A name that stays keeps what it has at present.
 *
 * @returns also the grants whose connections are to end: their token is gone or another, or permits less
 * @throws ConfigError as `createTokens`: nothing has changed
 */
export function renewTokens(
  older: Tokens,
  list: readonly TokenConfig[],
): { readonly tokens: Tokens; readonly withdrawn: ReadonlySet<Grant> } {
  const withdrawn = new Set(older.entries.map(({ grant }) => grant));
  const entries = createTokens(list).entries.map(({ digest, grant }) => {
    const known = older.entries.find(entry => entry.grant.name === grant.name);
    if (known === undefined) return { digest, grant };
    const { permissions, maxConnections, maxSessions, maxLearners, messageRate } = grant;
    if (known.digest.equals(digest) && [...known.grant.permissions].every(one => permissions.has(one)))
      withdrawn.delete(known.grant);
    Object.assign(known.grant, { permissions, maxConnections, maxSessions, maxLearners, messageRate });
    return { digest, grant: known.grant };
  });
  return { tokens: tokensOf(entries), withdrawn };
}

function tokensOf(entries: readonly Entry[]): Tokens {
  return {
    entries,
    find(token) {
      const asked = sha256(token);
      let found: Grant | undefined;
      // All are compared, whichever it is.
      for (const { digest, grant } of entries) if (timingSafeEqual(digest, asked)) found = grant;
      return found;
    },
  };
}

/**
 * The list in a JSON text: `[{ "name": "phones", "token": "…", "permissions": ["predict"] }]`.
 *
 * @throws ConfigError
 */
export function parseTokens(text: string): readonly TokenConfig[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new ConfigError(
      'Expected tokens to be a JSON list of { name, token, permissions }, got text that is not JSON',
    );
  }
  createTokens(list as readonly TokenConfig[]);
  return list as readonly TokenConfig[];
}

/** The token of `Authorization: Bearer …`; undefined where there is no such header. */
export function bearerOf(header: string | undefined): string | undefined {
  return header === undefined ? undefined : (/^Bearer +([^\s]+) *$/i.exec(header)?.[1] ?? '');
}

function digestOf({ token, sha256: hex }: TokenConfig, i: number): Buffer {
  expect((token === undefined) !== (hex === undefined), `tokens[${i}]`, 'a token, or its sha256', 'both or neither');
  if (hex !== undefined) {
    expect(
      typeof hex === 'string' && /^[0-9a-f]{64}$/i.test(hex),
      `tokens[${i}].sha256`,
      '64 hexadecimal digits',
      'others',
    );
    return Buffer.from(hex, 'hex');
  }
  const fits = typeof token === 'string' && token.length >= shortest && /^[\x21-\x7e]+$/.test(token);
  expect(fits, `tokens[${i}].token`, `${shortest} characters or more, none of them a space`, 'another');
  return sha256(token!);
}

function grantOf(config: TokenConfig, i: number): Grant {
  const at = `tokens[${i}]`;
  expectKnown(at, config, fields);
  const { name, permissions: allowed = ['predict', 'learn-private'] } = config;
  expect(typeof name === 'string' && /^[\w.-]{1,64}$/.test(name), `${at}.name`, '1 to 64 letters, digits, . _ -', name);
  const known = Array.isArray(allowed) && allowed.every(one => permissions.includes(one));
  expect(known, `${at}.permissions`, `a list of ${permissions.join(', ')}`, JSON.stringify(allowed));
  for (const limit of limits) {
    const value = config[limit] ?? 1;
    // A rate of 0 would never fill: who may send nothing needs no token.
    const least = limit === 'messageRate' ? 1 : 0;
    expect(Number.isSafeInteger(value) && value >= least, `${at}.${limit}`, `an integer from ${least}`, value);
  }
  return createGrant(name, allowed, config);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
