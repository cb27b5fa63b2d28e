import { type RemoteStep, remote } from 'eddy/client';
import { Observable, Subject } from 'rxjs';
import { largest } from './bars.js';

/** Beyond these it is guessing. */
const least = 0.4;
const longest = 48;

/**
 * How the network would go on: a session that learns nothing begins with the carry, and is fed its own likeliest byte as long as
 * that is likely. Emits the text so far each time it grows.
 */
export function continuation(from: Pick<RemoteStep, 'prediction' | 'carry'>): Observable<string> {
  return new Observable(subscriber => {
    const own = new Subject<number>();
    const bytes: number[] = [];
    const follow = ({ prediction }: Pick<RemoteStep, 'prediction'>): void => {
      const [byte] = largest(prediction, 1);
      if (prediction[byte] < least || bytes.length === longest) {
        own.complete();
        return;
      }
      bytes.push(byte);
      // The last character may lack some of its bytes.
      const text = new TextDecoder().decode(Uint8Array.from(bytes), { stream: true });
      subscriber.next(text);
      own.next(byte);
    };
    subscriber.add(
      own.pipe(remote('./', { model: 'text', carry: from.carry })).subscribe({
        next: follow,
        error: () => subscriber.complete(),
        complete: () => subscriber.complete(),
      }),
    );
    follow(from);
  });
}
