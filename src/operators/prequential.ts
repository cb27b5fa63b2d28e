import { Observable, type OperatorFunction } from 'rxjs';
import type { Metrics } from '../training/judge.js';
import { createMetrics, type MetricsOptions } from '../training/metrics.js';
import { follow } from './follow.js';
import type { Learned } from './learned.js';

/**
 * Scores a stream as it is learned: each step was predicted before its target was seen (test, then train).
 *
 * It's like `scan` over what `tbptt` emits: one output for each step whose target has come, with the mean over all of them, over a
 * sliding window, and a fading average, S / B with S = loss + α S and B = 1 + α B (Gama, Sebastião and Rodrigues 2013), beside the
 * trivial predictors of the same stream: persistence and running mean for values, no change and majority for the rest, and the
 * last season where `season` tells how long that is. These know the targets that
 * had come when the prediction was made, so they are right for targets that come late.
 *
 * @param options.fading α; default 0.999
 * @param options.window steps of the sliding averages; default 1,000
 * @param options.season steps after which the stream repeats itself
 * @param options.unscale values in units of the data
 * @param options.level share of values within a band, of outputs that are `gaussian`; default 0.9
 * @param options.kind what the outputs are; default as the first step that is scored looks
 * @param options.maxPending steps whose target may still come; default 10,000
 * @throws ConfigError, at once, if an option is wrong
 *
 * @example
 * rows.pipe(next(), tbptt(trainer), prequential()).subscribe(({ loss }) => console.log(loss.fading));
 */
export function prequential(options: MetricsOptions = {}): OperatorFunction<Learned, Metrics> {
  createMetrics(options);
  return source =>
    new Observable(subscriber => {
      const running = createMetrics(options);
      follow(source, subscriber, {
        next(event) {
          const metrics = score(running, event);
          if (metrics) subscriber.next(metrics);
        },
      });
    });
}

function score(running: ReturnType<typeof createMetrics>, event: Learned): Metrics | undefined {
  if (event.kind === 'step') {
    const { number, target, loss, step } = event;
    if (target === null) return undefined;
    running.predicted(number, step);
    return target === undefined ? undefined : running.scored(number, step.prediction, target, loss);
  }
  if (event.kind === 'late') return running.scored(event.number, event.prediction, event.target, event.loss);
  if (event.kind === 'expired') running.dropped(event.number);
  return undefined;
}
