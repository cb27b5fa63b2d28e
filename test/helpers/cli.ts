import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';

/** The entry of the built command line. */
export const main = fileURLToPath(new URL('../../command/cli/main.js', import.meta.url));

/** The tests ask no other host, so no command of theirs reads the machine's certificates: Node would, at each start, for longer than eddy needs. */
export const environment: NodeJS.ProcessEnv = { ...process.env, NODE_EXTRA_CA_CERTS: undefined };

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output, a JSON value each line. */
  // biome-ignore lint/suspicious/noExplicitAny: what the lines hold is what the tests look at
  readonly lines: any[];
}

/** The built command line, as a process of its own; it is ended with the test. */
export function start(t: Pick<ExecutionContext, 'teardown'>, ...args: string[]): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [main, ...args], { stdio: 'pipe', env: environment });
  t.teardown(() => child.kill('SIGKILL'));
  // A process that has ended takes no more input.
  child.stdin.on('error', () => {});
  return child;
}

/** Runs a command to its end, on an input that is whole. */
export async function eddy(t: ExecutionContext, input: string | Uint8Array, ...args: string[]): Promise<Finished> {
  const child = start(t, ...args);
  child.stdin.end(input);
  return finished(child);
}

/** What a process that was started leaves behind. */
export async function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  const chunks: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk: Buffer) => chunks[name].push(chunk));
  const [status] = (await once(child, 'close')) as [number | null];
  const stdout = Buffer.concat(chunks.stdout).toString();
  return {
    status,
    stdout,
    stderr: Buffer.concat(chunks.stderr).toString(),
    get lines() {
      return stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line));
    },
  };
}

/** Reads lines of standard output one by one, and leaves the rest unread. */
export function lineReader(child: ChildProcessWithoutNullStreams): () => Promise<string> {
  let text = '';
  let wake = (): void => {};
  for (const event of ['readable', 'end']) child.stdout.on(event, () => wake());
  return async () => {
    for (;;) {
      const end = text.indexOf('\n');
      if (end >= 0) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        return line;
      }
      const chunk = child.stdout.read() as Buffer | null;
      if (chunk !== null) text += chunk.toString();
      else if (child.stdout.readableEnded) throw new Error('Expected a further line, got the end');
      else {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
    }
  };
}

/** A folder that goes with the test. */
export function folder(t: ExecutionContext): (name: string) => string {
  const path = mkdtempSync(join(tmpdir(), 'eddy-cli-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return name => join(path, name);
}

/** A column of a sine and one of its cosine, with a name that tells streams apart: `key,a,b`. */
export function waves(rows: number, keys = 1, from = 0): string {
  const lines = Array.from({ length: rows }, (_, i) => {
    const t = (from + i) / 7;
    return `${'xyz'[(from + i) % keys]},${Math.sin(t).toFixed(6)},${(3 + Math.cos(t)).toFixed(6)}`;
  });
  return `key,a,b\n${lines.join('\n')}\n`;
}

/** Some English, over and over. */
export function verses(length: number): string {
  const verse = 'The river runs, and as it runs it turns; what turns returns, and no two turns are one.\n';
  return verse.repeat(Math.ceil(length / verse.length)).slice(0, length);
}
