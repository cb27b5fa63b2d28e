import test from 'ava';
import { demoModule } from '../helpers/demo-modules.js';

test('counting begins where all are alike, and comes near the entropy of what it reads', async t => {
  const { createLetterCounts } = await demoModule('type/letter-counts.ts');
  const counts = createLetterCounts(64);
  t.is(counts.surprise(5), 6);
  t.true(counts.surprise(5) < 4);
  let sum = 0;
  for (let i = 0; i < 4000; i++) sum += counts.surprise(i % 4);
  t.true(Math.abs(sum / 4000 - 2) < 0.05, 'four letters, equally often, are two bits each');
});
