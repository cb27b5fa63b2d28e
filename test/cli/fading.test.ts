import test from 'ava';
import { createFadingMean } from '../../src/cli/fading.js';

test('a mean begins anew after what is no finite number, also out of a file', t => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const mean = createFadingMean();
    mean.add(4);
    mean.add(bad);
    t.false(Number.isFinite(mean.value()));
    const { sum, weight } = mean.state();
    const again = createFadingMean({ sum: Number.isFinite(sum) ? sum : null, weight });
    t.is(again.value(), Number.NaN);
    for (const one of [mean, again]) {
      one.add(2);
      t.is(one.value(), 2);
    }
  }
});
