import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import { lineReader, start } from './cli.js';

/** The pages, served by `eddy demo` for one test. */
export async function startDemo(
  t: Pick<ExecutionContext, 'teardown'>,
  port = '0',
  ...others: readonly string[]
): Promise<{ url: string; child: ChildProcessWithoutNullStreams }> {
  const child = start(t, 'demo', '--port', port, ...others);
  const line = await lineReader(child)();
  const url = /http:\S+/.exec(line)?.[0];
  if (url === undefined) throw new Error(`Expected the address of the page, got ${line}`);
  return { url, child };
}

let shared: Promise<{ url: string }> | undefined;
const ends: (() => unknown)[] = [];
test.after.always(() => Promise.all(ends.map(end => end())));

/** Where the pages are, served for all tests of the file that end no server. */
export async function sharedDemo(): Promise<string> {
  shared ??= startDemo({ teardown: end => ends.push(end) });
  return (await shared).url;
}

/** The number that stands above a word. */
export async function number(page: Page, panel: string, word: string): Promise<number> {
  const text = await page.textContent(`${panel} .numbers div:has(dt:text("${word}")) dd`);
  return Number(text?.replace(/\D/g, '') || 0);
}

export async function numberFrom(page: Page, panel: string, word: string, least: number): Promise<void> {
  await page.waitForFunction(
    ([where, name, from]) => {
      const groups = [...document.querySelectorAll(`${where} .numbers div`)];
      const group = groups.find(one => one.querySelector('dt')?.textContent?.includes(name));
      return Number(group?.querySelector('dd')?.textContent?.replace(/\D/g, '') || 0) >= from;
    },
    [panel, word, least] as const,
    { polling: 100 },
  );
}

/** Different colours in a canvas, transparent pixels aside. */
export function colours(page: Page, canvas: string): Promise<number> {
  return page.evaluate(selector => {
    const element = document.querySelector<HTMLCanvasElement>(selector)!;
    const { data } = element.getContext('2d')!.getImageData(0, 0, element.width, element.height);
    const seen = new Set<number>();
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] > 0) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    }
    return seen.size;
  }, canvas);
}

/** Where the networks of the pages run. */
export const places = ['here', 'on the server'] as const;

export async function choose(page: Page, place: (typeof places)[number]): Promise<void> {
  const choice = page.getByRole('radio', { name: place });
  await choice.focus();
  await page.keyboard.press('Space');
  if (!(await choice.isChecked())) await choice.check();
}
