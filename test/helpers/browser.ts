import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/**
 * Declares a test that needs a browser. Where there is none the test is skipped with a line that says so; under continuous
 * integration (`CI` is set) it fails instead. Those of a file run one after the other.
 */
export function browserTest(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  const missing = `${executablePath} is missing: install Chromium, or set CHROMIUM to where it is`;
  if (existsSync(executablePath)) test.serial(title, body);
  else if (process.env.CI) test.serial(title, t => t.fail(missing));
  else test.skip(`${title} (skipped: ${missing})`, body);
}

function begin(further: readonly string[]): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', ...further],
  });
}

let shared: Browser | undefined;
test.after.always(async () => await shared?.close());

/** The browser of the file, whose pages are closed with the test; one of its own with further arguments. */
export async function launch(t: ExecutionContext, further: readonly string[] = []): Promise<Browser> {
  if (further.length > 0) {
    const browser = await begin(further);
    t.teardown(() => browser.close());
    return browser;
  }
  if (!shared?.isConnected()) shared = await begin([]);
  const browser = shared;
  t.teardown(() => Promise.all(browser.contexts().map(context => context.close())));
  return browser;
}

export interface Watched {
  readonly page: Page;
  /** Errors on the console, and those that nobody caught. */
  readonly errors: string[];
  /** Hosts that were asked for something, over HTTP or a WebSocket. */
  readonly hosts: Set<string>;
}

/** A page, and what it does wrong. */
export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  // Machines that test may be slow.
  page.setDefaultTimeout(60_000);
  const errors: string[] = [];
  const hosts = new Set<string>();
  page.on('console', message => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', error => errors.push(error.message));
  page.on('request', request => hosts.add(new URL(request.url()).host));
  page.on('websocket', socket => hosts.add(new URL(socket.url()).host));
  await page.goto(url);
  return { page, errors, hosts };
}

/** Text of an element, once it fits. */
export async function textOf(page: Page, selector: string, fits: RegExp): Promise<string> {
  await page.waitForFunction(
    ([where, source]) => new RegExp(source).test(document.querySelector(where)?.textContent ?? ''),
    [selector, fits.source] as const,
    { polling: 100 },
  );
  return (await page.textContent(selector)) ?? '';
}
