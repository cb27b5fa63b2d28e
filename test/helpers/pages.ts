import { execFile } from 'node:child_process';
import { Console } from 'node:console';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { packageFolder } from './repository.js';

/** A fenced ts block of a page, and what the page says that it prints: in the next text block, or after `// →`. */
export interface DocBlock {
  /** Line of the opening fence, counted from 1. */
  readonly line: number;
  readonly code: readonly string[];
  /** Begins a page of its own: nothing of the blocks before is in scope. */
  readonly fresh: boolean;
  readonly expected: string;
}

/** What a block printed, where it got so far, and the error that ended it, if one did. */
export interface BlockResult extends DocBlock {
  readonly printed: string | undefined;
  readonly error: unknown;
}

const arrow = /\/\/ → ?(.*)$/;

/**
 * The ts blocks of a page, in order. A block whose fence says `no-run` is left out; one that says `fresh` begins anew.
 *
 * The text block that shows what a ts block prints is the next fence after it. A `// →` shows one printed line.
 */
export function docBlocks(markdown: string): DocBlock[] {
  const lines = markdown.split('\n');
  const blocks: DocBlock[] = [];
  let open: DocBlock | undefined;
  for (let i = 0; i < lines.length; i++) {
    const fence = /^(`{3,})(\w*)(.*)$/.exec(lines[i]);
    if (!fence) continue;
    const [, ticks, language, rest] = fence;
    const end = lines.indexOf(ticks, i + 1);
    if (end < 0) throw new Error(`line ${i + 1}: the block has no closing fence`);
    const code = lines.slice(i + 1, end);
    if (language === 'ts' && !rest.includes('no-run')) {
      const shown = code.flatMap(line => arrow.exec(line)?.[1] ?? []);
      open = { line: i + 1, code, fresh: rest.includes('fresh'), expected: shown.map(line => `${line}\n`).join('') };
      blocks.push(open);
    } else if (language === 'text' && open) {
      if (open.expected !== '') throw new Error(`line ${open.line}: both arrows and a text block show what is printed`);
      blocks[blocks.length - 1] = { ...open, expected: code.map(line => `${line}\n`).join('') };
      open = undefined;
    } else open = undefined;
    i = end;
  }
  return blocks;
}

const registry: Record<string, unknown> = {};
(globalThis as Record<string, unknown>).eddyPages = registry;

/**
 * Runs the blocks of a page as modules, each with the lines that its blocks have in the page, so that the numbers in errors
 * are those of the page. They import `eddy` by its own name, as anyone would.
 *
 * @throws Error with the compiler's words where the types are wrong
 */
export async function runBlocks(name: string, blocks: readonly DocBlock[]): Promise<BlockResult[]> {
  mkdirSync(join(packageFolder, 'dist'), { recursive: true });
  const folder = mkdtempSync(join(packageFolder, 'dist', `page-${name}-`));
  try {
    const runs: DocBlock[][] = [];
    for (const block of blocks) {
      if (block.fresh || runs.length === 0) runs.push([]);
      runs[runs.length - 1].push(block);
    }
    const files = runs.map((run, i) => {
      const file = join(folder, `${name}-${i + 1}.ts`);
      writeFileSync(file, moduleOf(file, run));
      return file;
    });
    await compile(folder, files);
    const results: BlockResult[] = [];
    for (const [i, run] of runs.entries()) results.push(...(await runModule(files[i], run)));
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One module of a run of blocks. The fence of each block tells that it begins, and what it prints is kept. */
function moduleOf(file: string, run: readonly DocBlock[]): string {
  const last = run[run.length - 1];
  const lines: string[] = new Array(last.line + last.code.length + 1).fill('');
  run.forEach(({ line, code }, i) => {
    lines[line - 1] = `;await begin(${i});`;
    lines.splice(line, code.length, ...code);
  });
  const id = JSON.stringify(file);
  lines[0] = `const { console, begin } = (globalThis as any).eddyPages[${id}] as { console: Console; begin(i: number): Promise<void> };${lines[0]}`;
  return `${lines.join('\n')}\nexport {};\n`;
}

async function compile(folder: string, files: readonly string[]): Promise<void> {
  const manifest = join(packageFolder, 'node_modules', 'typescript', 'package.json');
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
  const config = join(folder, 'tsconfig.json');
  const compilerOptions = {
    target: 'ES2022',
    module: 'NodeNext',
    lib: ['ES2022', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
    types: ['node'],
    strict: true,
    skipLibCheck: true,
    rootDir: folder,
    outDir: folder,
  };
  writeFileSync(config, JSON.stringify({ compilerOptions, files }));
  const compiler = join(dirname(manifest), bin.tsc);
  await new Promise<void>((resolve, reject) => {
    execFile(process.execPath, [compiler, '-p', config], { cwd: folder }, (error, stdout) => {
      if (error) reject(new Error(`the types are wrong, at the lines of the page:\n${stdout || error.message}`));
      else resolve();
    });
  });
}

async function runModule(file: string, run: readonly DocBlock[]): Promise<BlockResult[]> {
  const printed: (string | undefined)[] = run.map(() => undefined);
  let current = -1;
  const stdout = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      printed[current] += chunk;
      done();
    },
  });
  registry[file] = {
    console: new Console({ stdout, colorMode: false }),
    // What a block leaves for the end of the turn belongs to that block.
    async begin(i: number) {
      await nextTurn();
      current = i;
      printed[i] = '';
    },
  };
  let failure: unknown;
  try {
    await import(pathToFileURL(file.replace(/\.ts$/, '.js')).href);
    await nextTurn();
  } catch (error) {
    failure = error;
  }
  delete registry[file];
  return run.map((block, i) => ({ ...block, printed: printed[i], error: i === current ? failure : undefined }));
}
