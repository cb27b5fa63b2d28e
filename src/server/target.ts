/** What is asked of which host, and whether it is to become a WebSocket. */
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * A client may name the whole address, as to a proxy: `GET http://localhost:8080/healthz`. Then that is the host which counts, whatever the
 * header says (RFC 9112, 3.2.2).
 */
export function takeOriginForm(request: IncomingMessage): void {
  const whole = /^https?:\/\/([^/?#]+)(.*)$/i.exec(request.url ?? '');
  if (whole === null) return;
  const [, host, rest] = whole;
  request.url = rest.startsWith('/') ? rest : `/${rest}`;
  request.headers.host = host;
}

export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  const asked = (headers.upgrade ?? '').split(',').map(protocol => protocol.trim().toLowerCase());
  return asked.includes('websocket');
}

/**
 * A protocol that is not spoken here is no reason to refuse (RFC 9110, 7.8): the request, as `curl --http2` sends it, comes again on the same
 * socket without that wish, and is its last.
 *
 * @param event that tells the server of a new socket
 */
export function answerWithoutUpgrade(
  http: HttpServer,
  event: 'connection' | 'secureConnection',
  { method, url, httpVersion, rawHeaders }: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (!/^(upgrade|connection)$/i.test(rawHeaders[i])) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  lines.push('Connection: close', '', '');
  socket.unshift(Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), head]));
  http.emit(event, socket);
}
