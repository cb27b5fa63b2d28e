import { Observable, type OperatorFunction } from 'rxjs';
import { expect, kindOf } from '../errors.js';
import type { Transcriber, Transcript } from '../model/transcript.js';
import { follow } from './follow.js';

/**
 * Tells what the steps of a network that was trained with `ctc` say, as they say it.
 *
 * It's like `scan` with a transcriber as accumulator. One transcript a step: the labels that it settled, and those that may still change;
 * at completion one more, if any are left to settle. Errors with `InputError` at a step of another number of classes.
 *
 * @param transcriber shared by all who use it, as `createTranscriber` makes it
 * @throws ConfigError if it is none
 *
 * @example
 * sound.pipe(encode(encoder), step(model), transcribe(createTranscriber(11))).subscribe(({ settled }) => said.push(...settled));
 */
export function transcribe(
  transcriber: Transcriber,
): OperatorFunction<{ readonly logits: ArrayLike<number> }, Transcript> {
  expect(typeof transcriber?.read === 'function', 'transcriber', 'what createTranscriber returns', kindOf(transcriber));
  return source =>
    new Observable(subscriber => {
      let state = transcriber.initial();
      follow(source, subscriber, {
        next({ logits }) {
          const read = transcriber.read(state, logits);
          state = read.state;
          subscriber.next(read.transcript);
        },
        complete() {
          const left = transcriber.finish(state);
          if (left.settled.length > 0) subscriber.next(left);
        },
      });
    });
}
