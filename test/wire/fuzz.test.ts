import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { fuzz } from '../helpers/fuzz.js';
import { repositoryRoot } from '../helpers/repository.js';

const recorded: Record<string, { readonly hex: string; readonly json: string }> = JSON.parse(
  readFileSync(join(repositoryRoot, 'test/golden/wire/messages.json'), 'utf8'),
);
const seeds = Object.values(recorded).flatMap(({ hex, json }) => [Buffer.from(hex, 'hex'), Buffer.from(json)]);

/** `FUZZ_RUNS=10000000 npx ava dist/test/wire/fuzz.test.js` is a night; another seed, `FUZZ_SEED`. */
const runs = Number(process.env.FUZZ_RUNS ?? 8000);
const seed = Number(process.env.FUZZ_SEED ?? 1);

test('whatever bytes come, decoding ends in a message or in a WireError', t => {
  if (runs > 100_000) t.timeout(2 ** 31 - 1);
  for (let part = 0; part * 100_000 < runs; part++) {
    const { decoded, refused } = fuzz(seeds, Math.min(100_000, runs - part * 100_000), seed + part);
    t.true(decoded > 0 && refused > 0, 'both happen');
  }
});
