// Builds what is not built yet: the kernel module, the wire module, TypeScript, the command, the pages. `npm run build`
//
// Each stage hashes its sources; a stage whose hash is the one of the last build is skipped.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const stamps = join(root, 'dist', '.stamps');

function files(path) {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  if (statSync(full).isFile()) return [full];
  return readdirSync(full, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function digest(paths) {
  const hash = createHash('sha256');
  for (const file of paths.flatMap(files))
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  return hash.digest('hex');
}

export function bin(packageName, command) {
  const manifest = JSON.parse(readFileSync(join(root, 'node_modules', packageName, 'package.json'), 'utf8'));
  const path = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[command];
  return join(root, 'node_modules', packageName, path);
}

async function node(...args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}`);
}

async function stage(name, sources, outputs, run) {
  const hash = digest(['scripts/build.js', 'package-lock.json', ...sources]);
  const stamp = join(stamps, name);
  const built = outputs.every(output => existsSync(join(root, output)));
  if (built && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  process.stderr.write(`building ${name}\n`);
  await run();
  mkdirSync(stamps, { recursive: true });
  writeFileSync(stamp, hash);
}

const kernelModule = 'src/kernels/module.generated.ts';

async function buildKernels() {
  const out = join(root, 'dist', 'kernels.wasm');
  mkdirSync(dirname(out), { recursive: true });
  await node(
    bin('assemblyscript', 'asc'),
    'src/kernels/assembly/index.ts',
    ...['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--enable', 'bulk-memory'],
    ...['--initialMemory', '2', '-o', out],
  );
  const base64 = readFileSync(out).toString('base64');
  writeFileSync(
    join(root, kernelModule),
    `// Made by scripts/build.js from src/kernels/assembly.\nexport const moduleBase64 =\n  '${base64}';\n`,
  );
}

export async function build() {
  await Promise.all([
    stage('kernels', ['src/kernels/assembly', 'src/kernels/coefficients.ts'], [kernelModule], buildKernels),
    stage('wire', ['proto', 'scripts/build-wire.js'], ['src/wire/eddy.generated.js'], async () =>
      (await import('./build-wire.js')).buildWire(),
    ),
  ]);
  await stage('typescript', ['src', 'test', 'tsconfig.json'], ['dist/src/index.js'], async () => {
    for (const folder of ['dist/src', 'dist/test']) rmSync(join(root, folder), { recursive: true, force: true });
    await node(bin('typescript', 'tsc'), '-p', '.', '--incremental', 'false');
    (await import('./build-wire.js')).copyWire(join(root, 'dist'));
  });
  await stage('command', ['src', 'tsconfig.json', 'scripts/build-command.js'], ['dist/command/cli/main.js'], async () =>
    (await import('./build-command.js')).buildCommand(root),
  );
  if (existsSync(join(root, 'demo/vite.config.js'))) {
    await stage('pages', ['demo', 'src'], ['dist/demo/index.html'], () =>
      node(bin('vite', 'vite'), 'build', '--config', 'demo/vite.config.js', '--logLevel', 'warn'),
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
