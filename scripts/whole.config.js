// How all tests are run. AVA begins a worker for each file, which takes longer than most files of tests that only compute: the files of
// such a folder share one, which is written here. `npx ava --config scripts/whole.config.js`
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import config from '../ava.config.js';

const folders = ['conformance', 'encoders', 'interchange', 'kernels', 'laws', 'model', 'training', 'wire'];

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const shared = join(dist, 'shared-tests');
rmSync(shared, { recursive: true, force: true });
mkdirSync(shared, { recursive: true });
for (const folder of folders) {
  const files = readdirSync(join(dist, 'test', folder)).filter(name => name.endsWith('.test.js'));
  const imports = files.sort().map(name => `import '../test/${folder}/${name}';\n`);
  writeFileSync(join(shared, `${folder}.test.js`), imports.join(''));
}

// biome-ignore lint/style/noDefaultExport: AVA asks for it
export default {
  ...config,
  files: ['dist/shared-tests/*.test.js', ...config.files, ...folders.map(folder => `!dist/test/${folder}/**`)],
};
