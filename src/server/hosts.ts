/** Who may ask: by the host that was called, and by the page that calls. */
import type { IncomingMessage } from 'node:http';

/**
 * A server of this machine alone answers to the names of this machine, so that a page whose own name was made to point here
 * (DNS rebinding) reads and opens nothing. Names of `origins` are those of a proxy in front.
 */
export function hostAllowed(
  request: IncomingMessage,
  bound: string,
  origins: readonly string[] | '*' | undefined,
): boolean {
  if (!isLoopback(bound)) return true;
  const name = hostnameOf(request);
  if (name === undefined) return false;
  if (isLoopback(name) || name === bound.toLowerCase()) return true;
  return Array.isArray(origins) && origins.some(origin => URL.canParse(origin) && new URL(origin).hostname === name);
}

/** Programs send no origin; a page must be of this host (whatever its port) or on the list. */
export function originAllowed(request: IncomingMessage, origins: readonly string[] | '*' | undefined): boolean {
  const { origin } = request.headers;
  if (origin === undefined || origins === '*' || origins?.includes(origin)) return true;
  const name = hostnameOf(request);
  if (name === undefined || !URL.canParse(origin)) return false;
  const other = new URL(origin).hostname;
  return other === name || (isLoopback(other) && isLoopback(name));
}

/** Host and port alike; a program sends no origin. */
export function isOwnPage({ headers: { origin, host } }: IncomingMessage): boolean {
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}

function hostnameOf({ headers: { host } }: IncomingMessage): string | undefined {
  return host !== undefined && URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : undefined;
}

/** A name or an address that is this machine alone. */
export function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}
