import test from 'ava';
import { createProgress, hasPlace } from '../../src/client/position.js';
import type { Fault } from '../../src/wire/messages.js';

test('on another connection what was not taken comes again, and is not new', t => {
  const progress = createProgress();
  progress.answered();
  for (let i = 0; i < 3; i++) t.true(progress.isNew());
  progress.take({ received: 1, beside: 1 });
  t.deepEqual(progress.again(), { received: 1, beside: 1 });
  t.deepEqual([progress.isNew(), progress.isNew(), progress.isNew()], [false, false, true]);
  t.deepEqual(progress.now(), { received: 1, beside: 4 });
});

test('what was taken is acknowledged once, from where an earlier client was', t => {
  const progress = createProgress({ token: 'a token', receivedSeq: 5, receivedMessages: 2, sentMessages: 0 });
  t.deepEqual([progress.received(), progress.taken(), progress.unacknowledged()], [5, { received: 5, beside: 2 }, 0]);
  progress.answered();
  progress.answered();
  t.is(progress.unacknowledged(), 0);
  progress.take(progress.now());
  t.is(progress.unacknowledged(), 2);
  t.is(progress.acknowledge(), 7);
  t.is(progress.unacknowledged(), 0);
});

test('faults of targets, of states and of learning have a place among the answers, those of the session and of frames have none', t => {
  const fault = (code: Fault['code'], more: Partial<Fault> = {}): Fault => ({
    type: 'fault',
    session: 1,
    code,
    retryable: false,
    message: '',
    ...more,
  });
  for (const code of [
    'bad_target',
    'target_expired',
    'target_exists',
    'bad_snapshot',
    'bad_reset',
    'diverged',
  ] as const)
    t.true(hasPlace(fault(code)));
  for (const code of ['token_expired', 'taken_over', 'evicted', 'invalid', 'internal'] as const)
    t.false(hasPlace(fault(code)));
  t.false(hasPlace(fault('bad_target', { forSeq: 3 })));
  t.false(hasPlace(fault('diverged', { retryable: true })));
});
