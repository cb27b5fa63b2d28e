import { Observable } from 'rxjs';

/** A connection is gone. */
export class LostError extends Error {}

/** The events of an address as JSON. Errors when the connection is lost. */
export function serverEvents<T>(address: string): Observable<T> {
  return new Observable(subscriber => {
    const source = new EventSource(address);
    source.onmessage = ({ data }) => subscriber.next(JSON.parse(data));
    source.onerror = () => subscriber.error(new LostError(`Expected ${address} to go on, it was lost`));
    return () => source.close();
  });
}
