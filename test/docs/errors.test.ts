import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import * as errors from '../../src/errors.js';
import { docsTest } from '../helpers/docs.js';
import { repositoryRoot } from '../helpers/repository.js';

const page = readFileSync(join(repositoryRoot, 'docs/errors.md'), 'utf8');

/** What the page says about each code. */
const sections = new Map(page.split(/^## /m).flatMap(section => codeAndRest(section)));

function codeAndRest(section: string): [code: string, text: string][] {
  const code = /^EDDY_[A-Z_]+$/m.exec(section.split('\n', 1)[0])?.[0];
  return code === undefined ? [] : [[code, section]];
}

const folder = join(repositoryRoot, 'src');
const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts') && !path.endsWith('.generated.ts'))
  .map(path => readFileSync(join(folder, path), 'utf8'));

/** The code of each error class, as its constructor passes it on. */
const codes = new Map(
  sources
    .flatMap(source => [...source.matchAll(/class (\w+) extends EddyError \{.*?super\('(EDDY_[A-Z_]+)'/gs)])
    .map(([, name, code]) => [name, code]),
);

docsTest('docs/errors.md');

test('every code in the sources has a heading, and every heading a code', t => {
  const written = new Set(sources.flatMap(source => source.match(/(?<=')EDDY_[A-Z_]+(?=')/g) ?? []));
  t.true(written.size >= 7);
  t.deepEqual([...sections.keys()].sort(), [...written].sort());
});

test('every error that is exported is named under its own code, with cause and way out', t => {
  const exported = Object.entries(errors).filter(
    ([, value]) => typeof value === 'function' && value.prototype instanceof errors.EddyError,
  );
  t.true(exported.length >= 7);
  for (const [name] of exported) {
    const section = sections.get(codes.get(name) ?? '') ?? '';
    t.regex(section, new RegExp(`^\`${name}\`: `, 'm'), name);
  }
  for (const [code, section] of sections) {
    t.regex(section, /^\*Causes\.\* /m, code);
    t.regex(section, /^\*Way out\.\* /m, code);
  }
});

test('two classes have two codes', t => {
  t.is(new Set(codes.values()).size, codes.size);
});
