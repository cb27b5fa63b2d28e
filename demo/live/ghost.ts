import { type RemoteStep, remote } from 'eddy/client';
import { Observable, Subject } from 'rxjs';
import { largest } from './bars.js';

/** Less likely than this is guessing; and two lines are all that there is room for. */
const least = 0.4;
const longest = 48;
const newLine = 10;

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
      const full = bytes.length === longest || (byte === newLine && bytes.includes(newLine));
      if (full || prediction[byte] < least) {
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
