import test from 'ava';
import { firstNotFinite } from '../../src/model/carry.js';

test('the first number that is not finite is found at each place, whatever comes after it', t => {
  for (let length = 0; length <= 13; length++) {
    const numbers = new Float32Array(length).map((_, i) => (i % 2 === 0 ? 3.4e38 : -1e-45));
    t.is(firstNotFinite(numbers), -1);
    for (let place = 0; place < length; place++) {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const spoilt = numbers.slice();
        spoilt[place] = bad;
        t.is(firstNotFinite(spoilt), place);
        spoilt.fill(-bad, place + 1);
        t.is(firstNotFinite(spoilt), place);
      }
    }
  }
});
