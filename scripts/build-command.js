// The command line as a few files: node takes longer to find and link its four hundred modules than to run what is in them.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/** Loaded as they are: parts of them are native, or files that they look for. */
const external = ['ws', 'bufferutil', 'pino', 'protobufjs'];

/** As deep as the sources, which look for files of the package from where they lie. */
const folder = 'dist/command/cli';

export async function buildCommand(root) {
  const out = join(root, folder);
  rmSync(out, { recursive: true, force: true });
  const bundle = await rolldown({
    input: join(root, 'dist/src/cli/main.js'),
    platform: 'node',
    // Its modules, of which only those that are used come along: what it has for node is CommonJS, and comes whole.
    resolve: { alias: { rxjs: join(root, 'node_modules/rxjs/dist/esm/index.js') } },
    external: id => external.some(name => id === name || id.startsWith(`${name}/`)),
  });
  const { output } = await bundle.write({
    dir: out,
    format: 'esm',
    chunkFileNames: '[name]-[hash].js',
    // What most commands need is one file: node takes longer to find and link twelve than to read what one command leaves unused.
    codeSplitting: { groups: [{ name: 'shared', minShareCount: 3 }] },
  });
  await bundle.close();
  const modules = output.flatMap(chunk => Object.keys(chunk.modules ?? {}));
  writeFileSync(join(out, 'LICENSES.txt'), licenses(root, modules));
}

/** Those of the packages that these modules are from. */
function licenses(root, modules) {
  const inside = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//;
  const names = [...new Set(modules.flatMap(module => module.replaceAll('\\', '/').match(inside)?.[1] ?? []))].sort();
  const texts = names.map(name => {
    const place = join(root, 'node_modules', name);
    const file = readdirSync(place).find(entry => /^licen[cs]e/i.test(entry));
    if (file === undefined) throw new Error(`Expected ${name} to have a license`);
    return `${name}\n\n${readFileSync(join(place, file), 'utf8').trim()}\n`;
  });
  return `The command contains these packages, beside eddy.\n\n${texts.join('\n----\n\n')}`;
}
