/** Pages of results: what each machine measured last. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';

/** Such as machines are told apart by. */
export const machine = `${cpus()[0].model.trim()} × ${cpus().length}`;

/**
 * Puts what this machine has measured first on the page, in place of what it said before.
 *
 * @param intro what comes before the machines
 * @param facts by name, of this run
 * @param body tables, whose headings are of the third level
 */
export function record(file, intro, facts, body) {
  const heading = `## ${machine}\n`;
  const list = {
    date: new Date().toISOString().slice(0, 10),
    system: `${process.platform} ${release()} ${process.arch}`,
    ...facts,
  };
  const lines = Object.entries(list).map(([name, fact]) => `- ${name}: ${fact}`);
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const others = before.split(/^(?=## )/m).filter(part => part.startsWith('## ') && !part.startsWith(heading));
  const sections = [`${heading}\n${lines.join('\n')}\n\n${body}\n`, ...others.map(other => `${other.trimEnd()}\n`)];
  writeFileSync(file, `${intro}\n\n${sections.join('\n')}`);
}
