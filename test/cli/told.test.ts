import test from 'ava';
import { createTold, lastWords } from '../../src/cli/told.js';

const ending = { dropped: 0, overflow: 'block' } as const;

test('the last words say long numbers of steps as the line before them did, and nothing where all was usual', t => {
  const told = { ...createTold(), steps: 17_817, untaught: 1 };
  t.is(
    lastWords(told, { ...ending, progress: ['3.407 bits a byte'], saved: 'net' }),
    '17,817 steps · 3.407 bits a byte · 1 row taught nothing, as a target was missing · saved as net',
  );
  t.is(lastWords(createTold(), ending), undefined);
});
