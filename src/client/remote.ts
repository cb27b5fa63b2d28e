import { Observable, type OperatorFunction, Subject, takeUntil } from 'rxjs';
import { ConfigError, expect } from '../errors.js';
import type { Reset } from '../operators/afresh.js';
import { isSubprotocol, type Learn, subprotocols } from '../wire/messages.js';
import type { RemoteLearned, RemoteStep } from './answers.js';
import { connectSession } from './connection.js';
import type { OpenSocket } from './line.js';
import { checkNames } from './names.js';
import type { RemoteOptions } from './options.js';
import type { RemoteInput, RemoteItem } from './outgoing.js';

/**
 * `step`, or with `learn` `tbptt`, on a server.
 *
 * Each subscription opens a connection and a session of its own. Inputs are sent as they come, within the server's credit;
 * answers come in order. An item `{ reset: true }` begins the stream anew, as in `afresh`, with `weights: true` the weights of a private
 * learner, too. Completes when the source has, and every answer and update has come. A source's error waits for the answers before it.
 *
 * Errors with `RemoteError` at a fault of the server or a lost connection, with `InputError`, `TargetError` or `LimitError`
 * at what cannot be sent. Throws `ConfigError` at once for a wrong argument.
 *
 * A learner learns from the targets that are sent, as by `next`, or, with `learning: { targetSource: 'input' }`, from the inputs that follow. An
 * input alone, without either, steps and teaches nothing.
 *
 * @param url as `ws://127.0.0.1:8080`
 *
 * @example
 * from(inputs).pipe(remote('ws://127.0.0.1:8080')).subscribe(({ prediction }) => console.log(prediction));
 *
 * @example
 * rows.pipe(next(), remote('ws://127.0.0.1:8080', { learn: 'private' })).subscribe(event => event.kind === 'late' && console.log(event.loss));
 */
export interface Remote {
  <In extends RemoteInput | Reset = RemoteInput>(
    url: string,
    options?: RemoteOptions & { readonly learn?: 'none' },
  ): OperatorFunction<In, RemoteStep>;
  <In extends RemoteItem = RemoteItem>(
    url: string,
    options: RemoteOptions & { readonly learn: 'private' | 'shared' },
  ): OperatorFunction<In, RemoteLearned>;
}

/** `remote` on the given kind of sockets. */
export function createRemote(openSocket: OpenSocket): Remote {
  return ((url: string, options: RemoteOptions = {}): OperatorFunction<RemoteItem, RemoteStep | RemoteLearned> => {
    const { address, settings } = checkRemote(url, options);
    return source =>
      new Observable(subscriber => {
        const refused = new Subject<void>();
        const session = connectSession(() => openSocket(address, settings.subprotocol), settings, subscriber);
        subscriber.add(() => session.abandon());
        subscriber.add(
          source.pipe(takeUntil(refused)).subscribe({
            next(item) {
              if (!session.push(item)) refused.next();
            },
            error: error => session.finish({ error }),
            complete: () => session.finish(),
          }),
        );
      });
  }) as Remote;
}

const learns: readonly Learn[] = ['none', 'private', 'shared'];

/** @throws ConfigError naming what is wrong */
export function checkRemote(url: string, options: RemoteOptions, buffered = 65_536) {
  expect(typeof options === 'object' && options !== null, 'options', 'an object', options);
  checkNames(options);
  const { subprotocol = 'eddy.v1.proto', maxBuffered = buffered, reconnect } = options;
  const address = addressOf(url);
  if (!isSubprotocol(subprotocol)) {
    throw new ConfigError(`Expected subprotocol to be one of ${subprotocols.join(', ')}, got ${String(subprotocol)}`);
  }
  const { token, learn = 'none' } = options;
  if (!learns.includes(learn))
    throw new ConfigError(`Expected learn to be one of ${learns.join(', ')}, got ${String(learn)}`);
  if (token !== undefined && (typeof token !== 'string' || token === '')) {
    throw new ConfigError(`Expected token to be the text of a token, got ${token === '' ? 'none' : typeof token}`);
  }
  if (!(Number.isInteger(maxBuffered) && maxBuffered >= 1)) {
    throw new ConfigError(`Expected maxBuffered to be an integer from 1, got ${maxBuffered}`);
  }
  for (const [name, value] of Object.entries(reconnect || {})) {
    if (value === undefined || (typeof value === 'number' && value >= 0)) continue;
    throw new ConfigError(`Expected reconnect.${name} to be milliseconds from 0, got ${value}`);
  }
  return { address, settings: { ...options, subprotocol, maxBuffered, carry: options.carry?.slice() } };
}

/** `http` and `https` stand for `ws` and `wss`; in a page, addresses may be relative to it. */
function addressOf(url: string): string {
  expect(typeof url === 'string', 'url', 'text such as ws://127.0.0.1:8080', url);
  const base = (globalThis as { location?: { href: string } }).location?.href;
  const text = url.replace(/^http/, 'ws');
  if (!URL.canParse(text, base)) throw new ConfigError(`Expected url to be as ws://127.0.0.1:8080, got ${url}`);
  const address = new URL(text, base);
  if (address.protocol.startsWith('http')) address.protocol = address.protocol.replace('http', 'ws');
  if (address.protocol !== 'ws:' && address.protocol !== 'wss:') {
    throw new ConfigError(`Expected url to begin with ws:// or wss://, got ${url}`);
  }
  return address.href;
}
