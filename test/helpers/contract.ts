import test, { type ExecutionContext } from 'ava';
import {
  concat,
  EMPTY,
  finalize,
  from,
  materialize,
  NEVER,
  Observable,
  type OperatorFunction,
  Subject,
  Subscription,
  take,
  throwError,
} from 'rxjs';
import { EddyError } from '../../src/errors.js';

/** An operator as the contract sees it. */
export interface Operator<In, Out> {
  /** A fresh operator, and all that it stands on. What is learned must not move the outputs of another subscription. */
  make(): Promise<OperatorFunction<In, Out>>;
  /** Three good items or more. Each must be answered, or the reentrant subscriber has nothing to answer to. */
  readonly items: readonly In[];
  /** What the items lead to, found another way; `ended` where completion follows the last of them. */
  expected(items: readonly In[], ended: boolean): Promise<readonly unknown[]>;
  /** An output in a form that `deepEqual` compares. */
  show(output: Out): unknown;
  /** Data that ends the stream by the error channel, with the code of the error. */
  readonly wrong?: readonly { readonly what: string; readonly item: unknown; readonly code: string }[];
  /** Calls of the factory that throw at once, with the code of the error. */
  readonly wrongArguments: readonly { readonly what: string; call(): unknown; readonly code: string }[];
  /** Waits until everything has come that the items so far lead to. Default: until the microtasks of this turn have run. */
  settle?(): Promise<void>;
  /** Items that are taken from the source before the first output leaves. Default 1. */
  readonly before?: number;
}

/** Everything that comes out, in order, and how it ended. */
function record<Out>(source: Observable<Out>): { outputs: Out[]; end: () => 'open' | 'complete' | { error: unknown } } {
  const outputs: Out[] = [];
  let end: 'open' | 'complete' | { error: unknown } = 'open';
  source.subscribe({
    next: output => outputs.push(output),
    error: error => {
      end = { error };
    },
    complete: () => {
      end = 'complete';
    },
  });
  return { outputs, end: () => end };
}

/** Lets the microtasks run that gather what came in one turn. */
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** Everything that comes out of a stream that must complete. */
async function collect<Out>(t: ExecutionContext, source: Observable<Out>, settle: () => Promise<void>): Promise<Out[]> {
  const { outputs, end } = record(source);
  await settle();
  t.is(end(), 'complete');
  return outputs;
}

type Clause = (t: ExecutionContext, operator: Operator<unknown, unknown>) => Promise<void>;

const clause = (title: string, exec: Clause) =>
  test.macro<[string, Operator<unknown, unknown>]>({
    exec: (t, _name, operator) => exec(t, operator),
    title: (_, name) => `${name} ${title}`,
  });

/** The contract that every operator keeps, one macro a clause: `test(clause, name, operator)`. */
export const clauses = [
  clause('of never emits nothing and does not end', async (t, { make, settle = turn }) => {
    const operator = await make();
    const { outputs, end } = record(NEVER.pipe(operator));
    await settle();
    t.is(outputs.length, 0);
    t.is(end(), 'open');
  }),

  clause('of empty completes without an output', async (t, { make, settle = turn }) => {
    t.deepEqual(await collect(t, EMPTY.pipe(await make()), settle), []);
  }),

  clause('of one item emits what one item leads to', async (t, { make, items, expected, show, settle = turn }) => {
    const outputs = await collect(t, from(items.slice(0, 1)).pipe(await make()), settle);
    t.true(outputs.length > 0);
    t.deepEqual(outputs.map(show), await expected(items.slice(0, 1), true));
  }),

  clause('of many items emits what they lead to', async (t, { make, items, expected, show, settle = turn }) => {
    t.true(items.length >= 3);
    const outputs = await collect(t, from(items).pipe(await make()), settle);
    t.deepEqual(outputs.map(show), await expected(items, true));
  }),

  clause(
    'passes on an error of its source, after what came before',
    async (t, { make, items, expected, show, settle = turn }) => {
      const failure = new Error('the source failed');
      const source = concat(
        from(items),
        throwError(() => failure),
      );
      const { outputs, end } = record(source.pipe(await make()));
      await settle();
      t.deepEqual(outputs.map(show), await expected(items, false));
      t.deepEqual(end(), { error: failure });
      t.is((end() as { error: unknown }).error, failure);
    },
  ),

  clause('leaves its source at once when it is unsubscribed', async (t, { make, items, settle = turn }) => {
    const source = new Subject<unknown>();
    let outputs = 0;
    const subscription = source.pipe(await make()).subscribe(() => outputs++);
    t.true(source.observed);
    for (const item of items.slice(0, 2)) source.next(item);
    await settle();
    const before = outputs;
    t.true(before > 0);
    subscription.unsubscribe();
    t.false(source.observed);
    for (const item of items) source.next(item);
    source.complete();
    await settle();
    t.is(outputs, before);
  }),

  clause('unsubscribed between an item and its answer, answers no more', async (t, { make, items, settle = turn }) => {
    const source = new Subject<unknown>();
    let outputs = 0;
    const subscription = new Subscription();
    const first = source.pipe(await make()).subscribe(() => {
      outputs++;
      subscription.unsubscribe();
    });
    subscription.add(first);
    for (const item of items) source.next(item);
    await settle();
    t.is(outputs, 1);
    t.false(source.observed);
  }),

  clause('keeps two subscriptions apart', async (t, { make, items, expected, show, settle = turn }) => {
    const operator = await make();
    const [a, b] = [new Subject<unknown>(), new Subject<unknown>()];
    const [left, right] = [record(a.pipe(operator)), record(b.pipe(operator))];
    // One runs an item ahead, and ends while the other goes on.
    const other = items.slice(0, -1);
    items.forEach((item, i) => {
      a.next(item);
      if (i > 0) b.next(other[i - 1]);
    });
    a.complete();
    b.complete();
    await settle();
    t.deepEqual(left.outputs.map(show), await expected(items, true));
    t.deepEqual(right.outputs.map(show), await expected(other, true));
    t.is(left.end(), 'complete');
    t.is(right.end(), 'complete');
  }),

  clause('starts afresh when it is subscribed again', async (t, { make, items, expected, show, settle = turn }) => {
    const stream = from(items).pipe(await make());
    const first = await collect(t, stream, settle);
    const second = await collect(t, stream, settle);
    t.deepEqual(first.map(show), await expected(items, true));
    t.deepEqual(second.map(show), first.map(show));
  }),

  clause('throws at once when its arguments are wrong', async (t, { wrongArguments }) => {
    for (const { what, call, code } of wrongArguments) {
      const error = t.throws(call, { instanceOf: EddyError }, what);
      t.is(error?.code, code, `${what}: ${error?.message}`);
      t.regex(error?.message ?? '', /^Expected .* got |^Expected at most/, what);
    }
    t.pass();
  }),

  clause(
    'sends wrong data to the error channel, and stops there',
    async (t, { make, items, expected, show, wrong, settle = turn }) => {
      for (const { what, item, code } of wrong ?? []) {
        let finished = false;
        const source = from([...items, item, ...items]).pipe(
          finalize(() => {
            finished = true;
          }),
        );
        const { outputs, end } = record(source.pipe(await make()));
        await settle();
        t.deepEqual(outputs.map(show), await expected(items, false), what);
        t.is((end() as { error?: EddyError }).error?.code, code, what);
        t.true(finished, what);
      }
      t.pass();
    },
  ),

  clause(
    'answers in order when a subscriber feeds its source',
    async (t, { make, items, expected, show, settle = turn }) => {
      const source = new Subject<unknown>();
      const outputs: unknown[] = [];
      let ended = false;
      let fed = 1;
      source.pipe(await make()).subscribe({
        next(output) {
          outputs.push(show(output));
          if (fed < items.length) source.next(items[fed++]);
          else if (fed++ === items.length) source.complete();
        },
        complete() {
          ended = true;
        },
      });
      source.next(items[0]);
      for (let i = 0; i < items.length && !ended; i++) await settle();
      t.deepEqual(outputs, await expected(items, true));
      t.true(ended);
    },
  ),

  clause(
    'stops a source without end at the first output that is enough',
    async (t, { make, items, before = 1, settle = turn }) => {
      let pulled = 0;
      let left = false;
      const endless = new Observable<unknown>(subscriber => {
        for (let i = 0; !subscriber.closed && i < 1000; i++) {
          pulled++;
          subscriber.next(items[i % items.length]);
        }
        return () => {
          left = true;
        };
      });
      const notifications = await collect(t, endless.pipe(await make(), take(1), materialize()), settle);
      t.deepEqual(
        notifications.map(({ kind }) => kind),
        ['N', 'C'],
      );
      t.is(pulled, before);
      t.true(left);
    },
  ),

  clause('leaves its source when it ends', async (t, { make, items, settle = turn }) => {
    for (const last of ['complete', 'error'] as const) {
      let left = 0;
      const source = new Subject<unknown>();
      const { end } = record(
        source.pipe(
          finalize(() => left++),
          await make(),
        ),
      );
      source.next(items[0]);
      source[last](new Error('the source failed'));
      await settle();
      t.is(left, 1);
      t.not(end(), 'open');
    }
  }),
];

/** Declares one test for each clause of the contract. */
export function keepsContract<In, Out>(name: string, operator: Operator<In, Out>): void {
  for (const each of clauses) test(each, name, operator as unknown as Operator<unknown, unknown>);
}
