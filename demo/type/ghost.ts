import { argmax } from 'eddy';
import type { RemoteStep } from 'eddy/client';
import { Observable, Subject } from 'rxjs';
import type { Runner } from '../run/runner.js';

/** Less likely than this is guessing; and two lines are all that there is room for. */
const least = 0.4;
const longest = 48;

/**
 * How a network would go on: a session that learns nothing begins with the carry, and is fed its own likeliest character as long
 * as that is likely. Emits the text so far each time it grows.
 *
 * @param vocabulary the character of each token; any other has none
 */
export function continuation(
  runner: Runner,
  network: string,
  vocabulary: readonly string[],
  from: Pick<RemoteStep, 'prediction' | 'carry'>,
): Observable<string> {
  return new Observable(subscriber => {
    const own = new Subject<number>();
    let text = '';
    const follow = ({ prediction }: Pick<RemoteStep, 'prediction'>): void => {
      const token = argmax(prediction);
      const character = vocabulary[token];
      const full = text.length >= longest || (character === '\n' && text.includes('\n'));
      if (full || prediction[token] < least || character === undefined) {
        own.complete();
        return;
      }
      text += character;
      subscriber.next(text);
      own.next(token);
    };
    subscriber.add(
      own.pipe(runner.step(network, { carry: from.carry })).subscribe({
        next: follow,
        error: () => subscriber.complete(),
        complete: () => subscriber.complete(),
      }),
    );
    follow(from);
  });
}
