import test from 'ava';
import { createSent, type Moving } from '../../src/client/sent.js';

test('what comes between two answers costs the same however much is kept', t => {
  const sent = createSent();
  let looks = 0;
  sent.add({ type: 'frames', session: 1, firstSeq: 1, payload: { kind: 'tokens', ids: [1, 2] } });
  const target = {
    get type() {
      looks++;
      return 'targets';
    },
    targets: [0],
  };
  for (let i = 0; i < 100; i++) sent.add(target as unknown as Moving);
  sent.answered(2);
  looks = 0;
  sent.answered(2);
  t.is(looks, 0);
  t.is(sent.missing(3, 0).length, 100);
});
