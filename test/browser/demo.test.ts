import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { WebSocket } from 'ws';
import { browserTest, launch, open, textOf } from '../helpers/browser.js';
import { finished, start } from '../helpers/cli.js';
import { choose, colours, number, numberFrom, places, sharedDemo, startDemo } from '../helpers/demo.js';

interface Shift {
  readonly sources: readonly { readonly node: Element | null }[];
}

browserTest(
  'the load of the machine is forecast and learned without being asked to, here and on the server',
  async t => {
    const url = await sharedDemo();
    const browser = await launch(t);
    for (const place of places) {
      const { page, errors, hosts } = await open(browser, url);
      await choose(page, place);
      await numberFrom(page, '#sense', 'readings', 24);
      t.is(await page.textContent('#status'), 'Live');
      const updates = await number(page, '#sense', 'updates');
      t.true(updates >= 20, `one update a reading, got ${updates}`);
      await numberFrom(page, '#sense', 'updates', updates + 2);

      const cards = await page.$$eval('.card', all =>
        all.map(card =>
          [...card.querySelectorAll('output')].map(output => Number.parseFloat(output.textContent ?? '')),
        ),
      );
      t.is(cards.length, 3);
      const loud = page.locator('#sense :is(output, [role="status"], [aria-live]):not([aria-live="off"])');
      t.is(await loud.count(), 0, 'what moves four times a second is not read aloud');
      for (const values of cards) t.true(values.every(Number.isFinite), `what came and what is expected: ${values}`);
      await textOf(page, '.card .note', /off by .*same as now/);
      await textOf(page, '#sense-verdict', /same as now/);
      t.true((await colours(page, '#sense-strip')) > 20, 'h(t) is drawn');
      t.true((await colours(page, '#sense-loss canvas')) > 2, 'the losses are drawn');

      t.deepEqual(errors, []);
      t.deepEqual([...hosts], [new URL(url).host], 'nothing comes from another host');
      await page.close();
    }
  },
);

browserTest('an address that names a page shows its head, too', async t => {
  const url = await sharedDemo();
  const { page, errors } = await open(await launch(t), `${url}#type`);
  await page.waitForFunction(() => document.readyState === 'complete');
  await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  t.is(await page.evaluate(() => scrollY), 0);
  await textOf(page, '#status', /^Live$/);
  const moved = await page.evaluate(
    () =>
      new Promise<unknown[]>(resolve => {
        const observer = new PerformanceObserver(list =>
          resolve(
            list.getEntries().flatMap(entry => (entry as unknown as Shift).sources.map(({ node }) => node?.nodeName)),
          ),
        );
        observer.observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => resolve([]), 500);
      }),
  );
  t.false(moved.includes('FOOTER'), 'what is below is not seen above first');
  const placeAt = (text: string): Promise<number | undefined> =>
    page.evaluate(said => {
      document.getElementById('status')!.textContent = said;
      return document.querySelector('.places')?.getBoundingClientRect().left;
    }, text);
  t.is(await placeAt('Connecting…'), await placeAt('Live'), 'what is chosen does not move with what is said');
  t.deepEqual(errors, []);
});

browserTest('who skips to the page stays on it, before what it asks for', async t => {
  const url = await sharedDemo();
  const { page, errors } = await open(await launch(t), `${url}#type`);
  await page.locator('#typing').fill('kept');
  await page.getByRole('link', { name: 'Skip to the page' }).press('Enter');
  await page.waitForFunction(() => document.activeElement?.matches('#page h1'));
  t.is(await page.title(), 'eddy · Type');
  t.is(new URL(page.url()).hash, '#type');
  await page.keyboard.press('Tab');
  t.is(await page.evaluate(() => document.activeElement?.id), 'typing');
  t.is(await page.inputValue('#typing'), 'kept');
  t.deepEqual(errors, []);
});

browserTest('what is typed is foretold, learned, and can be taken from the guess, here and on the server', async t => {
  const url = await sharedDemo();
  const browser = await launch(t);
  for (const place of places) {
    const { page, errors } = await open(browser, `${url}#type`);
    t.is(await colours(page, '#type-strip'), 0, 'nothing is drawn where nothing has come');
    await choose(page, place);
    await textOf(page, '#status', /^Live$/);
    const phrase = 'the net learns as it reads. ';
    const text = phrase.repeat(10);
    const height = () => page.locator('#type').evaluate(element => element.clientHeight);
    const empty = await height();
    await page.getByLabel('What the network reads').focus();
    await page.keyboard.type(text.slice(0, 2));
    await page.locator('#bars-learner li[aria-label]').first().waitFor();
    await page.locator('#bars-frozen li[aria-label]').first().waitFor();
    t.is(await height(), empty, 'what comes has its place');
    await page.keyboard.type(text.slice(2, 60));
    await numberFrom(page, '#type', 'letters', 60);
    const bitsOf = async (): Promise<[number, number]> => {
      const said = await textOf(page, '#type-verdict', /needs .* without/);
      const [, learner, frozen] = /needs (\d+\.\d) bits a letter, (\d+\.\d) without/.exec(said)!.map(Number);
      return [learner, frozen];
    };
    const [early] = await bitsOf();
    await page.keyboard.insertText(text.slice(60));
    await numberFrom(page, '#type', 'letters', text.length);
    const [late, frozen] = await bitsOf();
    t.true(late < early - 1, `the bits fall: ${early} to ${late}`);
    t.true(late < frozen - 1, `below those of the network that stays: ${late} and ${frozen}`);
    t.true((await number(page, '#type', 'updates')) >= text.length - 1);
    t.true((await colours(page, '#type-strip')) > 20, 'h(t) is drawn');
    t.is(await page.locator('#ghost span:not(.expected)').count(), text.length);

    const shares = await page.$$eval('#bars-learner .bar', bars =>
      bars.map(bar => Number.parseFloat((bar as HTMLElement).style.width)),
    );
    t.true(shares[0] > 50 && shares[0] >= shares[1], `the likeliest first: ${shares}`);

    await page.locator('#take:enabled').waitFor();
    await page.keyboard.press('ArrowRight');
    const taken = await page.inputValue('#typing');
    t.true(taken.length > text.length && phrase.repeat(20).startsWith(taken), `it goes on as it learned: ${taken}`);
    await numberFrom(page, '#type', 'letters', taken.length);
    t.deepEqual(errors, []);
    await page.close();
  }
});

browserTest('it reads by itself, and a text that is edited is read where it is new', async t => {
  const url = await sharedDemo();
  const { page, errors } = await open(await launch(t), `${url}#type`);
  await textOf(page, '#status', /^Live$/);
  await page.getByRole('button', { name: 'Let it read a rhyme' }).press('Enter');
  await numberFrom(page, '#type', 'letters', 40);
  await page.getByRole('button', { name: 'Stop reading' }).press('Enter');
  const text = await page.inputValue('#typing');
  t.true(text.startsWith('This is the house that Jack built'));
  await numberFrom(page, '#type', 'letters', text.length);

  await page.locator('#typing').press('Home');
  await page.keyboard.type('äö');
  await page.keyboard.press('Backspace');
  await numberFrom(page, '#type', 'letters', text.length + 2);
  t.is(await page.locator('#ghost span:not(.expected)').count(), text.length + 1);
  t.is(await number(page, '#type', 'letters'), text.length + 2, 'what is erased is not read again');

  await page.getByRole('button', { name: 'Clear' }).press('Enter');
  t.is(await page.locator('#ghost span:not(.expected)').count(), 0);
  t.is(await page.evaluate(() => document.activeElement?.id), 'typing');

  await page.locator('#typing').fill('a'.repeat(19_999));
  await page.getByRole('button', { name: 'Let it read a rhyme' }).press('Enter');
  await textOf(page, '#type-verdict', /^There is no more room/);
  await page.getByRole('button', { name: 'Let it read a rhyme' }).waitFor();
  t.is((await page.inputValue('#typing')).length, 20_000);
  t.deepEqual(errors, []);
});

browserTest('what is expected is in sight below a long text, and so is what is taken of it', async t => {
  const url = await sharedDemo();
  const { page, errors } = await open(await launch(t), `${url}#type`);
  await choose(page, 'here');
  const line = 'To be, or not to be\n';
  await page.locator('#typing').focus();
  for (let i = 0; i < 12; i++) await page.keyboard.type(line);
  for (const pressed of [undefined, 'ArrowRight', 'ArrowRight']) {
    if (pressed) await page.keyboard.press(pressed);
    await textOf(page, '#ghost .expected', /\n./);
    const [foot, guess] = await page.$$eval('.paper, #ghost .expected', all =>
      all.map(element => element.getBoundingClientRect().bottom),
    );
    t.true(guess <= foot, `the guess ends at ${guess}, the paper at ${foot}`);
  }
  t.deepEqual(errors, []);
});

browserTest('no guess is taken by an arrow within what is being composed, or where there is none any more', async t => {
  const url = await sharedDemo();
  const { page, errors } = await open(await launch(t), `${url}#type`);
  await choose(page, 'here');
  await page.locator('#typing').focus();
  await page.keyboard.type('To be, or not to be\n'.repeat(12));
  const client = await page.context().newCDPSession(page);
  await client.send('Input.imeSetComposition', { text: 'To', selectionStart: 2, selectionEnd: 2 });
  await textOf(page, '#ghost .expected', /be/);
  const composed = await page.inputValue('#typing');
  await page.keyboard.press('ArrowRight');
  t.is(await page.inputValue('#typing'), composed);
  await client.send('Input.insertText', { text: 'To' });
  await textOf(page, '#ghost .expected', /be/);
  await page.keyboard.press('ArrowRight');
  t.true((await page.inputValue('#typing')).startsWith(`${composed} be`));
  for (const erase of ['Backspace', 'Clear']) {
    await page.keyboard.type('To be, or not to be\nTo');
    await textOf(page, '#ghost .expected', /be/);
    const take = page.getByRole('button', { name: 'Take its guess' });
    t.true(await take.isEnabled());
    if (erase === 'Clear') await page.getByRole('button', { name: 'Clear' }).press('Enter');
    else await page.keyboard.press(erase);
    t.is(await page.textContent('#ghost .expected'), '');
    t.true(await take.isDisabled(), `${erase}: there is no guess to take`);
  }
  t.deepEqual(errors, []);
});

browserTest('what was typed is there when its page is come back to, as it was, and is not read again', async t => {
  const { url, child } = await startDemo(t);
  const { page } = await open(await launch(t), `${url}#type`);
  await textOf(page, '#status', /^Live$/);
  const text = 'Wer reitet so spät\ndurch Nacht und Wind? 🐎';
  await page.locator('#typing').fill(text);
  await numberFrom(page, '#type', 'letters', [...text].length);
  const tints = (): Promise<string[]> =>
    page.$$eval('#ghost span:not(.expected)', all =>
      all.map(one => `${one.textContent} ${(one as HTMLElement).style.getPropertyValue('--surprise')}`),
    );
  const before = await tints();
  t.true(before.filter(tint => /\d$/.test(tint)).length >= [...text].length - 1);
  const leave = async (): Promise<void> => {
    await page.getByRole('link', { name: 'Draw' }).press('Enter');
    await page.locator('#pad').waitFor();
    await page.goBack();
    await page.locator('#typing').waitFor();
  };
  await leave();
  t.is(await page.inputValue('#typing'), text);
  t.deepEqual(await tints(), before);
  t.regex((await page.textContent('#type-verdict'))!, /^What you typed is still here/);
  await textOf(page, '#status', /^Live$/);
  await page.locator('#typing').press('End');
  await page.keyboard.insertText('!');
  await numberFrom(page, '#type', 'letters', 1);
  t.is(await number(page, '#type', 'letters'), 1);

  child.kill('SIGTERM');
  await once(child, 'exit');
  await textOf(page, '#status', /gone/);
  await page.keyboard.insertText(' meanwhile');
  await leave();
  t.is(await page.inputValue('#typing'), `${text}! meanwhile`);
  await startDemo(t, new URL(url).port);
  await numberFrom(page, '#type', 'letters', 10);
  t.is(await number(page, '#type', 'letters'), 10, 'what was not read yet is read');
  await page.getByRole('button', { name: 'Clear' }).click();
  await leave();
  t.is(await page.inputValue('#typing'), '');
});

browserTest('a server that is gone is said in words, and one that is back is used', async t => {
  const { url, child } = await startDemo(t);
  const { page } = await open(await launch(t), url);
  await numberFrom(page, '#sense', 'readings', 2);
  await page.getByRole('link', { name: 'Type' }).press('Enter');
  await textOf(page, '#status', /^Live$/);
  child.kill('SIGTERM');
  const [status] = await once(child, 'exit');
  t.is(status, 0, 'pages that stay open do not keep the server');
  t.regex(await textOf(page, '#status', /gone/), /^The server is gone – trying again/);
  await page.locator('#typing').fill('meanwhile');
  await page.getByRole('link', { name: 'Listen' }).press('Enter');
  await page.getByRole('button', { name: 'Hear an example' }).press('Enter');
  await textOf(page, '#listen-trouble', /^The example cannot be had: the server is gone\.$/);
  await page.goBack();

  await startDemo(t, new URL(url).port);
  await textOf(page, '#status', /^Live$/);
  await numberFrom(page, '#type', 'letters', 9);
  await page.goBack();
  await numberFrom(page, '#sense', 'readings', 4);
});

browserTest('a server that goes before a session has opened is gone, too, and one that is back is used', async t => {
  const url = await sharedDemo();
  const { page } = await open(await launch(t), 'about:blank');
  let refused = 0;
  await page.routeWebSocket(/./, socket => {
    if (refused++ < 2) socket.close({ code: 1012, reason: 'restarting' });
    else socket.connectToServer();
  });
  await page.goto(`${url}#type`);
  await textOf(page, '#status', /^The server is gone – trying again/);
  await textOf(page, '#status', /^Live$/);
  t.true(refused > 2);
});

browserTest('a page that is left leaves nothing behind, and where networks run can be changed on the way', async t => {
  const url = await sharedDemo();
  const { page, errors } = await open(await launch(t), 'about:blank');
  let [sockets, closed] = [0, 0];
  page.on('websocket', socket => {
    sockets++;
    socket.on('close', () => closed++);
  });
  await page.goto(url);
  await numberFrom(page, '#sense', 'readings', 2);
  await page.getByRole('link', { name: 'Type' }).click();
  // The page hears of its new address after the click.
  await page.waitForFunction(() => document.title === 'eddy · Type');
  t.is(await page.getByRole('link', { name: 'Type' }).getAttribute('aria-current'), 'page');
  await textOf(page, '#status', /^Live$/);
  t.deepEqual([sockets, closed], [3, 1], 'one session on Sense, two on Type');
  await choose(page, 'here');
  await textOf(page, '#status', /^Live$/);
  await page.locator('#typing').fill('now here');
  await numberFrom(page, '#type', 'letters', 8);
  t.deepEqual([sockets, closed], [3, 3], 'what runs here needs no session');
  t.deepEqual(errors, []);
});

browserTest('it fits a narrow screen, light and dark, and tells what its pictures show', async t => {
  const url = await sharedDemo();
  const browser = await launch(t);
  const { page, errors } = await open(browser, url, { viewport: { width: 320, height: 700 }, colorScheme: 'light' });
  await numberFrom(page, '#sense', 'readings', 3);
  const ground = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  const contrast = await page.locator('#tabs [aria-current]').evaluate(tab => {
    const { color, backgroundColor } = getComputedStyle(tab);
    const [least, most] = [color, backgroundColor].map(named => {
      const [red, green, blue] = named.match(/\d+/g)!.map(channel => (Number(channel) / 255 + 0.055) / 1.055);
      return 0.2126 * red ** 2.4 + 0.7152 * green ** 2.4 + 0.0722 * blue ** 2.4 + 0.05;
    });
    return most / least;
  });
  t.true(contrast >= 4.5, `WCAG 2.2, 1.4.3: got ${contrast}`);
  const head = await page.$$eval('.brand, .places, #status', all =>
    all.map(element => {
      const { top, bottom } = element.getBoundingClientRect();
      return Math.round((top + bottom) / 2);
    }),
  );
  t.true(Math.max(...head) - Math.min(...head) <= 1, `one row: ${head}`);
  const [shown, all] = await page.$eval('#tabs', tabs => [tabs.clientWidth, tabs.scrollWidth]);
  t.true(all <= shown, `no tab is cut: ${all} pixels of tabs on ${shown}`);
  for (const [selector, ...said] of [
    ['.card .note', 'the first forecast is on its way', 'off by 12.8 % · “same as now” 12.7 % · mean 11.4 %'],
    ['#sense-verdict', 'Unusual.', 'As good as saying “same as now”.'],
  ]) {
    const [before, after] = await page.$eval(
      selector,
      (element, texts) =>
        texts.map(text => {
          element.textContent = text;
          return element.clientHeight;
        }),
      said,
    );
    t.is(after, before, `${selector}: what is below stays where it is`);
  }
  await page.emulateMedia({ colorScheme: 'dark' });
  t.not(await ground(), light);
  const long = 'temperature_of_the_water_at_the_bottom_of_the_tank';
  await page.setInputFiles('#file', {
    name: `${long}.csv`,
    mimeType: 'text/csv',
    buffer: Buffer.from(`${long}\n1\n2\n`),
  });
  await textOf(page, '.card h3', new RegExp(long));
  const isRefused = (): Promise<boolean> =>
    page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['a'], 'a.json'));
      const event = new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer });
      document.querySelector('h1')!.dispatchEvent(event);
      return event.defaultPrevented;
    });
  const tabs = await page.locator('#tabs a').allTextContents();
  for (const tab of tabs) {
    await page.getByRole('link', { name: tab }).click();
    await page.locator(`#${tab.toLowerCase()} h1`).waitFor();
    t.is(await page.locator('dd + dt').count(), 0, `${tab}: a number comes after its name`);
    t.is(await page.locator('dt + dd').count(), await page.locator('dt').count());
    t.true(await isRefused(), `${tab}: a file that is dropped is not shown instead of the page`);
    const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    t.true(content <= width, `${tab}: ${content} pixels of content on ${width}`);
    const nameless = await page.$$eval('canvas, .plot, textarea, button, input, select', all =>
      all
        .filter(element => {
          const label = element.getAttribute('aria-label') ?? element.textContent;
          const labelled = (element as HTMLTextAreaElement).labels?.length;
          return !label?.trim() && !labelled && element.closest('[role="img"]') === null;
        })
        .map(element => element.outerHTML),
    );
    t.deepEqual(nameless, [], tab);
  }
  t.deepEqual(errors, []);
});

browserTest('what colours tell is told in forced colours, too', async t => {
  const url = await sharedDemo();
  const { page, errors } = await open(await launch(t), url, { forcedColors: 'active' });
  await textOf(page, '#status', /^Live$/);
  const painted = (selector: string, part?: string): Promise<string> =>
    page
      .locator(selector)
      .first()
      .evaluate((element, pseudo) => getComputedStyle(element, pseudo).backgroundColor, part)
      // What is not painted shows what lies below, in the one colour of all grounds.
      .then(colour => String(colour.match(/\d+/g)!.slice(0, 3)));
  const differ = async (some: readonly string[], part?: string): Promise<void> => {
    const found = await Promise.all(some.map(selector => painted(selector, part)));
    t.is(new Set(found).size, found.length, `${some.join(', ')}: ${found.join(', ')}`);
  };
  await differ(['#tabs a[aria-current]', '#tabs a:not([aria-current])']);
  await differ(['.places input:checked + span', '.places input:not(:checked) + span']);
  await differ(['.sources [aria-pressed="true"]', '.sources [aria-pressed="false"]']);
  await differ(['.key.warm', '.key.cold', 'body'], '::before');
  await differ(['#status', 'body'], '::before');
  await page.getByRole('link', { name: 'Type' }).click();
  await page.locator('#typing').fill('again and again and again and again and ');
  await page.locator('#take:enabled').waitFor();
  await differ(['#bars-learner .bar', '#bars-learner .track']);
  const inks = await page.$$eval('#typing, #ghost, #ghost .expected', all =>
    all.map(element => getComputedStyle(element).color),
  );
  t.is(new Set(inks).size, 3, `what is expected is not as what was typed: ${inks.join(', ')}`);
  await page.getByRole('link', { name: 'Inside' }).click();
  await differ(['.term[aria-pressed="true"]', '.term[aria-pressed="false"]']);
  t.deepEqual(errors, []);
});

test('a port in use is a clear error with the way out', async t => {
  const { url } = await startDemo(t);
  const { port } = new URL(url);
  const { status, stderr } = await finished(start(t, 'demo', '--port', port));
  t.not(status, 0);
  t.regex(stderr, new RegExp(`port ${port} .*in use.*npm start -- --port`));
  t.false(stderr.includes(' at '), 'no trace of the stack');
});

test('SIGINT, even twice, ends the demo with status 0', async t => {
  const { url, child } = await startDemo(t);
  // One who does not answer the close: so the drain lasts until the second signal has surely come.
  const peer = new WebSocket(url.replace('http', 'ws'), 'eddy.v1.json');
  await once(peer, 'open');
  peer.pause();
  peer.on('error', () => {});
  t.teardown(() => peer.terminate());
  child.kill('SIGINT');
  child.kill('SIGINT');
  const [status] = await once(child, 'exit');
  t.is(status, 0);
});

test('the script of the page is small', t => {
  const assets = fileURLToPath(new URL('../../demo/assets/', import.meta.url));
  const scripts = readdirSync(assets).filter(name => name.endsWith('.js'));
  t.is(scripts.length, 1);
  const bytes = gzipSync(readFileSync(join(assets, scripts[0]))).length;
  t.log(`${bytes} bytes, compressed`);
  t.true(bytes > 20_000 && bytes < 200_000, `${bytes} bytes, compressed`);
});
