import { Observable } from 'rxjs';

/** A connection is gone. */
export class LostError extends Error {}

/** What stands beside the page. Rejects with an Error that names `what` in words; a `LostError` where nobody answers. */
export async function fetchBeside(address: string | URL, what: string): Promise<Response> {
  const response = await fetch(address).catch(() => {
    throw new LostError(`${what} cannot be had: the server is gone`);
  });
  if (!response.ok) throw new Error(`${what} cannot be had: the server answers ${response.status}`);
  return response;
}

/** The events of an address as JSON. Errors when the connection is lost. */
export function serverEvents<T>(address: string): Observable<T> {
  return new Observable(subscriber => {
    const source = new EventSource(address);
    source.onmessage = ({ data }) => subscriber.next(JSON.parse(data));
    source.onerror = () => subscriber.error(new LostError(`Expected ${address} to go on, it was lost`));
    return () => source.close();
  });
}
