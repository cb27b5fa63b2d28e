import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { browserTest, launch, open, textOf } from '../helpers/browser.js';
import { choose, colours, number, numberFrom, places, sharedDemo, startDemo } from '../helpers/demo.js';

const table = [
  'when,level,flow,valve',
  ...Array.from({ length: 240 }, (_, t) => {
    const level = t === 200 ? 9 : 3 + Math.sin(t / 2);
    return `${1000 + 60 * t},${level.toFixed(3)},${t % 9 === 4 ? '' : (2 * Math.cos(t / 2)).toFixed(3)},${t % 4 < 2 ? 'open' : 'shut'}`;
  }),
].join('\n');

browserTest('on a narrow screen no number is broken, however long', async t => {
  const url = await sharedDemo();
  const { page, errors } = await open(await launch(t), url, { viewport: { width: 340, height: 700 } });
  await textOf(page, '#sense-numbers', /^readings\d/);
  await page.setInputFiles('#file', {
    name: 'long.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(`level,revenue\n${'-998982.4,123456789012.5\n-998981.1,123456789013.5\n'.repeat(20)}`),
  });
  await textOf(page, '.card:nth-child(2) .then', /123,456,789,0/);
  const lines = await page.$$eval('.card output', all =>
    all.map(output => {
      const range = document.createRange();
      range.selectNodeContents(output);
      return new Set([...range.getClientRects()].map(({ top }) => top)).size;
    }),
  );
  t.deepEqual(lines, [1, 1, 1, 1]);
  const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  t.true(content <= width, `${content} pixels of content on ${width}`);
  t.deepEqual(errors, []);
});

browserTest('how many rows of a file were read is told beside how many it has', async t => {
  const url = await sharedDemo();
  const { page, errors } = await open(await launch(t), url);
  await textOf(page, '#sense-numbers', /^readings\d/);
  await page.getByLabel('How fast').evaluate((select: HTMLSelectElement) => {
    select.value = '0';
  });
  await page.setInputFiles('#file', {
    name: 'short.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(`v\n${'1\n2\n'.repeat(20)}`),
  });
  await textOf(page, '#sense-numbers', /^of 40 rows40updates of the weights39/);
  t.is(await page.getByRole('button', { name: 'A CSV file' }).count(), 1, 'one control opens a file');
  t.deepEqual(errors, []);
});

browserTest(
  'a file that is dropped is forecast with a band, here and on the server; what is unusual is seen',
  async t => {
    const url = await sharedDemo();
    const browser = await launch(t);
    for (const place of places) {
      const { page, errors } = await open(browser, url);
      await choose(page, place);
      const dropped = await page.evaluateHandle(text => {
        const data = new DataTransfer();
        data.items.add(new File([text], 'tank.csv', { type: 'text/csv' }));
        return data;
      }, table);
      await page.dispatchEvent('#sense', 'drop', { dataTransfer: dropped });
      await page.getByLabel('How fast').selectOption('as fast as it goes');
      await textOf(page, '#sense-title', /^tank\.csv$/);
      await numberFrom(page, '#sense', 'rows', 240);
      const titles = await page.locator('.card h3').allTextContents();
      t.deepEqual(titles, ['level', 'flow']);
      await textOf(page, '.card .note', /off by [\d.]+ · “same as now” [\d.]+ · mean [\d.]+/);
      await page.waitForFunction(() => {
        const groups = [...document.querySelectorAll('#sense-numbers div')];
        const group = groups.find(one => one.textContent?.includes('unusual'));
        return Number(group?.querySelector('dd')?.textContent) >= 1;
      });
      t.true((await colours(page, '.card canvas')) > 5, 'curve and band are drawn');
      t.true((await colours(page, '#sense-surprise canvas')) > 5, 'the surprise is drawn');
      t.deepEqual(errors, []);
      await page.close();
    }
  },
);

browserTest('a server that comes back with its sessions goes on with what was learned', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'eddy-sense-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const saved = ['--sessions', join(folder, 'sessions')];
  const { url, child } = await startDemo(t, '0', ...saved);
  const { page } = await open(await launch(t), url);
  await numberFrom(page, '#sense', 'updates', 6);
  child.kill('SIGTERM');
  await once(child, 'exit');
  await textOf(page, '#status', /gone/);
  const learned = await number(page, '#sense', 'updates');
  const least = await page.evaluateHandle(() => {
    const numbers = document.querySelector('#sense-numbers')!;
    const seen = { updates: Number.POSITIVE_INFINITY };
    new MutationObserver(() => {
      const [, updates] = [...numbers.querySelectorAll('dd')].map(one => Number(one.textContent));
      seen.updates = Math.min(seen.updates, updates);
    }).observe(numbers, { subtree: true, childList: true, characterData: true });
    return seen;
  });
  await startDemo(t, new URL(url).port, ...saved);
  await textOf(page, '#status', /^Live$/);
  await numberFrom(page, '#sense', 'updates', learned + 3);
  const { updates } = await least.jsonValue();
  t.true(updates >= learned, `it goes on from ${learned}, not from ${updates}`);
});

browserTest(
  'a file that is none, and a device that does not move, are told in words; one that is moved is forecast',
  async t => {
    const url = await sharedDemo();
    const { page, errors } = await open(await launch(t), url);
    const folder = mkdtempSync(join(tmpdir(), 'eddy-sense-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'words.csv'), 'a,b\nx,y\nz,w\n');
    await page.setInputFiles('#file', join(folder, 'words.csv'));
    t.regex(await textOf(page, '#problem', /./), /^words\.csv: Expected a column of numbers, got a, b\.$/);
    await numberFrom(page, '#sense', 'readings', 3);
    await page.getByRole('button', { name: 'An example' }).press('Enter');
    await numberFrom(page, '#sense', 'rows', 3);
    t.true(await page.locator('#problem').isHidden());

    await choose(page, 'here');
    await page.getByRole('button', { name: 'motion' }).click();
    t.regex(await textOf(page, '#problem', /./), /No motion comes from this device: .*phone/);
    await page.getByRole('button', { name: 'This machine' }).click();
    await page.getByRole('button', { name: 'motion' }).click();
    await page.evaluate(() => {
      let t = 0;
      setInterval(() => {
        const accelerationIncludingGravity = { x: Math.sin(t++ / 3), y: 1, z: 9.8 };
        dispatchEvent(new DeviceMotionEvent('devicemotion', { accelerationIncludingGravity, interval: 16 }));
      }, 16);
    });
    await numberFrom(page, '#sense', 'readings', 12);
    t.deepEqual(await page.locator('.card h3').allTextContents(), ['x axis', 'y axis', 'z axis']);
    t.deepEqual(errors, []);
  },
);

browserTest('a value that no forecast takes stops the file, until the person does something', async t => {
  const url = await sharedDemo();
  const browser = await launch(t);
  for (const place of places) {
    const { page, errors } = await open(browser, url, { viewport: { width: 340, height: 700 } });
    await choose(page, place);
    const stops = await page.evaluateHandle(() => {
      const seen = { times: 0 };
      const status = document.querySelector('#status')!;
      new MutationObserver(() => {
        if (/1e\+200/.test(status.textContent ?? '')) seen.times++;
      }).observe(status, { childList: true });
      return seen;
    });
    await page.setInputFiles('#file', {
      name: 'far.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('v\n1\n2\n1e200\n4\n'),
    });
    const told = await textOf(page, '#status', /1e\+200/);
    t.is(told, 'Expected "v" to be a number up to ±1e150, got 1e+200 – change or choose something to go on');
    for (const tab of await page.locator('#tabs a').all()) await tab.click({ trial: true, timeout: 5000 });
    // Longer than the first wait before what is tried again.
    await page.waitForTimeout(1200);
    t.is((await stops.jsonValue()).times, 1);
    await page.getByLabel('How fast').selectOption('as fast as it goes');
    await page.waitForFunction(({ times }) => times === 2, stops);
    await page.getByRole('button', { name: 'An example' }).click();
    await numberFrom(page, '#sense', 'rows', 3);
    t.is(await page.textContent('#status'), 'Live');
    t.deepEqual(errors, []);
    await page.close();
  }
});
