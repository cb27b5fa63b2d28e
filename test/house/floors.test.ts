import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import test from 'ava';
import { repositoryRoot } from '../helpers/repository.js';

/** Where each folder of src stands; an import goes down, or sideways where that makes no circle. */
const floors: Record<string, number> = {
  'errors.ts': 1,
  'parts.ts': 1,
  'random.ts': 1,
  kernels: 2,
  wire: 2,
  encoders: 2,
  cells: 3,
  model: 4,
  interchange: 4,
  training: 5,
  operators: 6,
  client: 6,
  server: 7,
  'index.ts': 7,
  cli: 8,
};

/** Packages that only these rooms may know. */
const packages: Record<string, readonly string[]> = {
  rxjs: ['operators', 'client', 'server', 'cli', 'index.ts'],
  ws: ['server', 'client'],
  protobufjs: ['wire', 'interchange'],
  saxes: ['interchange'],
  commander: ['cli'],
  'cli-progress': ['cli'],
  pino: ['cli'],
};

interface Import {
  readonly file: string;
  readonly specifier: string;
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.startsWith(`kernels${sep}assembly`) && !name.includes('.generated.'))
    .map(name => join(folder, name));
}

function importsOf(file: string, text: string): Import[] {
  const withNames = /^(?:import|export)\s[\w\s,{}*$]*?\bfrom\s+'([^']+)'/gm;
  const alone = /^import\s+'([^']+)'/gm;
  return [withNames, alone].flatMap(form => [...text.matchAll(form)].map(match => ({ file, specifier: match[1] })));
}

const room = (path: string): string => path.split('/')[0];

/** The file that a relative import means, within src. */
function targetOf(file: string, specifier: string): string {
  return relative('/', resolve('/', dirname(file), specifier))
    .split(sep)
    .join('/')
    .replace(/\.js$/, '.ts');
}

/** What is wrong with an import, if anything. `file` and its target are paths within src, with slashes. */
function wrong(file: string, specifier: string): string | undefined {
  const from = room(file);
  if (!specifier.startsWith('.')) {
    const name = specifier.split('/')[0];
    const allowed = packages[name];
    if (specifier.startsWith('node:')) {
      const browser = !['server', 'client', 'cli'].includes(from);
      return browser ? `${file} imports ${specifier}: only server, client and cli know Node` : undefined;
    }
    if (allowed === undefined) return `${file} imports ${specifier}, which no room may`;
    return allowed.includes(from) ? undefined : `${file} imports ${specifier}, which only ${allowed.join(', ')} may`;
  }
  const target = targetOf(file, specifier);
  const to = room(target);
  if (floors[from] === undefined || floors[to] === undefined) return `${file}: ${from} or ${to} has no floor`;
  if (from === to) return undefined;
  return floors[to] <= floors[from]
    ? undefined
    : `${file} (floor ${floors[from]}) imports ${target} (floor ${floors[to]})`;
}

const src = join(repositoryRoot, 'src');
const all = sources(src).flatMap(file =>
  importsOf(relative(src, file).split(sep).join('/'), readFileSync(file, 'utf8')),
);

test('every import goes down, and packages are known only where they may be', t => {
  t.true(all.length > 100);
  t.deepEqual(
    all.map(({ file, specifier }) => wrong(file, specifier)).filter(message => message !== undefined),
    [],
  );
});

test('an import upwards or of a strange package is seen', t => {
  t.is(wrong('kernels/wasm.ts', '../model/model.js'), 'kernels/wasm.ts (floor 2) imports model/model.ts (floor 4)');
  t.is(wrong('cells/gru.ts', '../training/loss.js'), 'cells/gru.ts (floor 3) imports training/loss.ts (floor 5)');
  t.regex(wrong('model/model.ts', 'rxjs')!, /imports rxjs, which only operators, .* may/);
  t.regex(wrong('model/model.ts', 'node:fs')!, /only server, client and cli know Node/);
  t.regex(wrong('server/serve.ts', 'left-pad')!, /imports left-pad, which no room may/);
  t.is(wrong('model/model.ts', '../kernels/wasm.js'), undefined);
});

/** The circles in a graph, each as a path that ends where it began. */
function circlesOf(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (node: string, path: string[]): void => {
    if (path.includes(node)) {
      circles.push([...path.slice(path.indexOf(node)), node].join(' → '));
      return;
    }
    if (done.has(node)) return;
    for (const target of edges.get(node) ?? []) visit(target, [...path, node]);
    done.add(node);
  };
  for (const node of edges.keys()) visit(node, []);
  return circles;
}

/** Who imports whom, between files or between rooms. */
function graph(name: (file: string) => string): Map<string, Set<string>> {
  const edges = new Map<string, Set<string>>();
  for (const { file, specifier } of all) {
    if (!specifier.startsWith('.')) continue;
    const [from, to] = [name(file), name(targetOf(file, specifier))];
    if (name === room && from === to) continue;
    edges.set(from, (edges.get(from) ?? new Set()).add(to));
  }
  return edges;
}

test('neither files nor rooms import in a circle', t => {
  t.deepEqual(circlesOf(graph(file => file)), []);
  t.deepEqual(circlesOf(graph(room)), []);
  t.is(
    circlesOf(
      new Map([
        ['a', new Set(['b'])],
        ['b', new Set(['a'])],
      ]),
    ).length,
    1,
  );
});

/** Functions whose last bit may differ between engines. */
const inexact =
  /\bMath\.(?:sin|cos|tan|a?sinh?|a?cosh?|a?tanh?|atan2|exp|expm1|log|log2|log10|log1p|pow|cbrt|hypot)\b|\*\*/g;

/** The rooms whose numbers must have the same bits everywhere, and what may stand outside: constants, rulers. */
const numeric = ['random.ts', 'kernels', 'cells', 'model', 'training', 'encoders'];
const exempt: Record<string, readonly string[]> = {
  'kernels/reference.ts': ['Math.exp', 'Math.log', 'Math.log1p', 'Math.exp', 'Math.tanh', 'Math.exp'],
};

function inexactUses(file: string, text: string): string[] {
  const code = text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '')
    // A power of two that is written out is exact.
    .replace(/\b2 \*\* -?\d+/g, '');
  const found = [...code.matchAll(inexact)].map(match => match[0]);
  const allowed = [...(exempt[file] ?? [])];
  return found.filter(use => {
    const at = allowed.indexOf(use);
    if (at >= 0) allowed.splice(at, 1);
    return at < 0;
  });
}

test('the numeric path calls no function whose bits differ between engines', t => {
  const uses = sources(src).flatMap(path => {
    const file = relative(src, path).split(sep).join('/');
    return numeric.includes(room(file))
      ? inexactUses(file, readFileSync(path, 'utf8')).map(use => `${file}: ${use}`)
      : [];
  });
  t.deepEqual(uses, []);
  t.deepEqual(inexactUses('model/x.ts', 'const y = Math.exp(x) + x ** 2; // Math.sin'), ['Math.exp', '**']);
});

test('what frames pass through has no accessors in object literals: V8 reads such a record as a dictionary', t => {
  const hot = ['kernels', 'cells', 'model', 'training', 'operators', 'wire', 'server', 'client'];
  const accessor = /^ +(?:get|set) \w+\(/m;
  t.regex('  return {\n    get size() {\n', accessor);
  // Read once an update, or less often: in trainer.ts the guard's view of two optimizers; in remote-session.ts by whoever has the session.
  const cold = new Set([
    ...['training/adwin.ts', 'training/trainer.ts', 'server/store.ts'],
    ...['client/backoff.ts', 'client/remote-session.ts'],
  ]);
  const found = sources(join(repositoryRoot, 'src'))
    .map(file => ({ file, name: relative(join(repositoryRoot, 'src'), file).split(sep).join('/') }))
    .filter(
      ({ file, name }) => hot.includes(room(name)) && !cold.has(name) && accessor.test(readFileSync(file, 'utf8')),
    )
    .map(({ name }) => name);
  t.deepEqual(found, []);
});
