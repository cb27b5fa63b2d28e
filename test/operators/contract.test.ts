import test, { type ExecutionContext } from 'ava';
import { map, Observable, type OperatorFunction, of, scan, tap } from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import { ConfigError } from '../../src/errors.js';
import { clauses, type Operator } from '../helpers/contract.js';
import { marbles } from '../helpers/marbles.js';

/** Sums as they go: an operator small enough to be broken in every way. */
const running = (): OperatorFunction<number, number> =>
  scan((sum, x) => {
    if (typeof x !== 'number') throw new ConfigError('Expected a number');
    return sum + x;
  }, 0);

const throwing = (): never => {
  throw new ConfigError('Expected size to be a number, got nothing');
};

const right: Operator<number, number> = {
  make: async () => running(),
  items: [1, 2, 3, 4],
  expected: async items => items.map((_, i) => items.slice(0, i + 1).reduce((a, b) => a + b)),
  show: sum => sum,
  wrong: [{ what: 'text', item: 'x', code: 'EDDY_CONFIG' }],
  wrongArguments: [{ what: 'nothing', call: throwing, code: 'EDDY_CONFIG' }],
};

const broken = (operator: () => OperatorFunction<number, number>): Operator<number, number> => ({
  ...right,
  make: async () => operator(),
});

/** Ways to break it, and the clauses that must see each. */
const mistakes: Record<string, [Operator<number, number>, RegExp]> = {
  'one sum for all subscriptions': [
    broken(() => {
      let sum = 0;
      return map(x => {
        sum += x;
        return sum;
      });
    }),
    /two subscriptions apart|starts afresh/,
  ],
  'no unsubscription from its source': [
    broken(
      () => source =>
        new Observable(subscriber => {
          source.pipe(running()).subscribe({
            next: sum => subscriber.next(sum),
            error: error => subscriber.error(error),
            complete: () => subscriber.complete(),
          });
        }),
    ),
    /leaves its source at once/,
  ],
  'a source that emits at once is not left': [
    broken(
      () => source =>
        new Observable(subscriber => {
          let sum = 0;
          return source.subscribe({
            next: x => {
              sum += x;
              subscriber.next(sum);
            },
            error: error => subscriber.error(error),
            complete: () => subscriber.complete(),
          });
        }),
    ),
    /without end/,
  ],
  'an error that does not stop it': [
    broken(
      () => source =>
        source.pipe(
          map(x => (typeof x === 'number' ? x : 0)),
          running(),
        ),
    ),
    /wrong data/,
  ],
  'a swallowed error of the source': [
    broken(
      () => source =>
        new Observable(subscriber =>
          source.pipe(running()).subscribe({
            next: sum => subscriber.next(sum),
            error: () => subscriber.complete(),
            complete: () => subscriber.complete(),
          }),
        ),
    ),
    /error of its source/,
  ],
  'an output too many': [
    broken(
      () => source =>
        new Observable(subscriber => {
          subscriber.next(0);
          return source.pipe(running()).subscribe(subscriber);
        }),
    ),
    /of never|of empty|of one/,
  ],
  'a source that is left a turn later': [
    broken(
      () => source =>
        new Observable(subscriber => {
          const inner = source.pipe(running()).subscribe({
            next: sum => subscriber.next(sum),
            error: error => subscriber.error(error),
            complete: () => subscriber.complete(),
          });
          return () => setImmediate(() => inner.unsubscribe());
        }),
    ),
    /leaves its source at once/,
  ],
  'answers out of order': [
    broken(
      () => source =>
        new Observable(subscriber => {
          let sum = 0;
          return source
            .pipe(
              tap(x => {
                sum += x;
                subscriber.next(sum);
              }),
            )
            .subscribe({
              next: () => subscriber.next(-sum),
              error: error => subscriber.error(error),
              complete: () => subscriber.complete(),
            });
        }),
    ),
    /of one|of many|feeds its source/,
  ],
  'wrong arguments that pass': [
    { ...right, wrongArguments: [{ what: 'nothing', call: () => of(1), code: 'EDDY_CONFIG' }] },
    /arguments/,
  ],
};

const titleOf = (clause: (typeof clauses)[number]): string => clause.title?.(undefined, 'it', undefined as never) ?? '';

/** The clauses that fail for an operator. */
async function failures(t: ExecutionContext, name: string, operator: Operator<number, number>): Promise<string[]> {
  const failed: string[] = [];
  for (const clause of clauses) {
    const attempt = await t.try(clause, name, operator as unknown as Operator<unknown, unknown>);
    if (!attempt.passed) failed.push(titleOf(clause));
    attempt.discard();
  }
  return failed;
}

test('an operator that is right passes every clause of the contract', async t => {
  t.deepEqual(await failures(t, 'a right one', right), []);
  t.true(clauses.length > 10);
});

test('the contract sees each mistake', async t => {
  for (const [what, [operator, expected]] of Object.entries(mistakes)) {
    const failed = await failures(t, what, operator);
    t.true(
      failed.some(title => expected.test(title)),
      `${what}: ${failed.join('; ') || 'nothing failed'}`,
    );
  }
});

test('a marble test without a comparison fails', async t => {
  const bodies: Record<string, (helpers: RunHelpers) => void> = {
    'no expectation': () => {},
    'an expectation that is not compared': ({ expectObservable }) => void expectObservable(of(1)),
    'another value': ({ expectObservable }) => expectObservable(of(1)).toBe('(b|)'),
  };
  for (const [what, body] of Object.entries(bodies)) {
    const attempt = await t.try(what, inner => marbles(inner, body));
    attempt.discard();
    t.false(attempt.passed, what);
  }
});
