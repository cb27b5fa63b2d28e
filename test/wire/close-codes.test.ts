import test from 'ava';
import { closeCodes, isRetryableClose } from '../../src/wire/messages.js';

test('a client connects again after a fault of the network or of the server, and not after its own', t => {
  const again = [
    closeCodes.goingAway,
    closeCodes.internal,
    closeCodes.restart,
    closeCodes.tryLater,
    closeCodes.idle,
    closeCodes.rate,
  ];
  const all = Object.values(closeCodes);
  t.deepEqual(
    all.filter(isRetryableClose),
    all.filter(code => (again as number[]).includes(code)),
  );
  t.true(isRetryableClose(1006));
  t.false(isRetryableClose(closeCodes.malformed));
  t.is(new Set(all).size, all.length);
});
