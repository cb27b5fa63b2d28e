import test from 'ava';
import { concat, from, NEVER, Observable, Subject, take, toArray } from 'rxjs';
import { follow, takeTurns } from '../../src/operators/follow.js';

/** Tells of each item when it begins and when it is done. */
const told = (source: Observable<number>): Observable<string> =>
  new Observable(subscriber => {
    follow<number>(source, subscriber, {
      next(x) {
        subscriber.next(`${x} begins`);
        subscriber.next(`${x} is done`);
      },
      complete: () => subscriber.next('the end'),
    });
  });

test('an item that a subscriber causes waits until the item in hand is done', t => {
  const source = new Subject<number>();
  const seen: string[] = [];
  told(source).subscribe(event => {
    seen.push(event);
    if (event === '1 begins') {
      source.next(2);
      source.complete();
    }
  });
  source.next(1);
  t.deepEqual(seen, ['1 begins', '1 is done', '2 begins', '2 is done', 'the end']);
});

test('what throws goes to the subscriber, and nothing is done after', t => {
  const done: number[] = [];
  let failure: unknown;
  let left = false;
  const source = new Observable<number>(subscriber => {
    for (let x = 1; x <= 4; x++) subscriber.next(x);
    return () => {
      left = true;
    };
  });
  new Observable<number>(subscriber =>
    follow<number>(source, subscriber, {
      next(x) {
        if (x === 2) throw new RangeError('two');
        done.push(x);
      },
      complete: () => done.push(-1),
    }),
  ).subscribe({
    error: error => {
      failure = error;
    },
  });
  t.deepEqual(done, [1]);
  t.true(failure instanceof RangeError);
  t.true(left);
});

test('the end of a source is not taken for its completion by a subscriber that leaves', t => {
  const seen: string[] = [];
  told(concat(from([1, 2]), NEVER))
    .pipe(take(2), toArray())
    .subscribe(events => seen.push(...events));
  t.deepEqual(seen, ['1 begins', '1 is done']);
  let completed = 0;
  new Observable(subscriber => {
    follow(NEVER, subscriber, { next: () => {}, complete: () => completed++ });
  })
    .subscribe()
    .unsubscribe();
  t.is(completed, 0);
});

test('a subscriber that has left before is not subscribed for', t => {
  let subscribed = 0;
  const source = new Observable<number>(() => {
    subscribed++;
  });
  new Observable(subscriber => {
    subscriber.complete();
    follow(source, subscriber, { next: () => {} });
  }).subscribe();
  t.is(subscribed, 0);
});

test('turns are taken in the order in which they were asked for', t => {
  const order: number[] = [];
  new Observable(subscriber => {
    const turns = takeTurns(subscriber);
    turns(() => {
      turns(() => {
        turns(() => order.push(4));
        order.push(2);
      });
      turns(() => order.push(3));
      order.push(1);
    });
  }).subscribe();
  t.deepEqual(order, [1, 2, 3, 4]);
});
