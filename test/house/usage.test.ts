import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { repositoryRoot } from '../helpers/repository.js';

for (const script of ['bench/run.js', 'bench/serving/run.js', 'scripts/storms.js']) {
  test(`${script} says how it is used, and does nothing else`, t => {
    for (const flag of ['--help', '-h']) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(repositoryRoot, script), flag], {
        encoding: 'utf8',
        timeout: 20_000,
      });
      t.is(status, 0, stderr);
      t.regex(stdout, /^Usage: .*\n\n[\s\S]*--help/);
      t.is(stderr, '');
    }
  });

  test(`${script} does nothing where a flag is mistyped, and says how it is used`, t => {
    for (const flag of ['--quik', '--childe', '-q', '--seeds=3']) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(repositoryRoot, script), flag], {
        encoding: 'utf8',
        timeout: 20_000,
      });
      t.is(status, 2);
      t.true(stderr.startsWith(`Unknown option '${flag.split('=')[0]}'\n\nUsage: `), stderr);
      t.is(stdout, '');
    }
  });
}
