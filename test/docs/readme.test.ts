import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import * as client from '../../src/client/index.js';
import * as eddy from '../../src/index.js';
import * as operators from '../../src/operators/index.js';
import * as server from '../../src/server/index.js';
import { docsTest } from '../helpers/docs.js';
import { repositoryRoot } from '../helpers/repository.js';

docsTest('README.md');

test('the table of entries names what they export, of all but the largest each function', t => {
  const readme = readFileSync(join(repositoryRoot, 'README.md'), 'utf8');
  const exported = { eddy, 'eddy/operators': operators, 'eddy/server': server, 'eddy/client': client };
  for (const [entry, names] of Object.entries(exported)) {
    const row = new RegExp(`^\\| \`${entry}\` \\| (.*) \\|$`, 'm').exec(readme)![1];
    const told = [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    const there = Object.keys(names);
    t.deepEqual(
      told.filter(name => !there.includes(name)),
      [],
    );
    if (entry !== 'eddy') t.deepEqual([...told].sort(), [...there].sort());
  }
});
