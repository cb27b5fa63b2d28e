// How all tests are run. AVA begins a worker for each file, which takes longer than most files of tests that only compute: those of a
// folder share one, which is written here. `npx ava --config scripts/whole.config.js`
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import config from '../ava.config.js';

const folders = [
  'cli',
  'cli/formats',
  'client',
  'conformance',
  'demo',
  'docs',
  'encoders',
  'interchange',
  'kernels',
  'laws',
  'model',
  'operators',
  'server',
  'training',
  'wire',
];

/** Of a file that keeps its own worker: it starts processes, opens sockets, or awaits something before all its tests are declared. */
const apart = /\bspawn\(|node:net|helpers\/(?:browser|cli|wire-client)\.js|^(?!.*\basync\b)\S.*\bawait /m;

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const shared = join(dist, 'shared-tests');
rmSync(shared, { recursive: true, force: true });
mkdirSync(shared, { recursive: true });
const joined = folders.flatMap(folder => {
  const files = readdirSync(join(dist, 'test', folder))
    .filter(name => name.endsWith('.test.js') && !apart.test(readFileSync(join(dist, 'test', folder, name), 'utf8')))
    .map(name => `test/${folder}/${name}`)
    .sort();
  writeFileSync(
    join(shared, `${folder.replace('/', '-')}.test.js`),
    files.map(file => `import '../${file}';\n`).join(''),
  );
  return files;
});

// biome-ignore lint/style/noDefaultExport: AVA asks for it
export default {
  ...config,
  files: ['dist/shared-tests/*.test.js', ...config.files, ...joined.map(file => `!dist/${file}`)],
};
