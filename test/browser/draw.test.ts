import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import { browserTest, launch, open, textOf } from '../helpers/browser.js';
import { folder } from '../helpers/cli.js';
import { number, numberFrom, sharedDemo, startDemo } from '../helpers/demo.js';

type Stroke = readonly (readonly [number, number])[];

const seven: Stroke = [
  [0.3, 0.25],
  [0.7, 0.25],
  [0.6, 0.5],
  [0.45, 0.8],
];
const star: Stroke = [
  [0.5, 0.2],
  [0.62, 0.75],
  [0.2, 0.4],
  [0.8, 0.4],
  [0.38, 0.75],
  [0.5, 0.2],
];

/** Moves the mouse along places of the pad; it is down from the first, and up after the last unless it stays. */
async function drawOn(page: Page, stroke: Stroke, how: { begin?: boolean; end?: boolean } = {}): Promise<void> {
  const pad = page.locator('#pad');
  await pad.scrollIntoViewIfNeeded();
  const box = (await pad.boundingBox())!;
  const at = ([x, y]: readonly [number, number]) => [box.x + x * box.width, box.y + y * box.height] as const;
  await page.mouse.move(...at(stroke[0]));
  if (how.begin !== false) await page.mouse.down();
  for (const place of stroke.slice(1)) await page.mouse.move(...at(place), { steps: 6 });
  if (how.end !== false) await page.mouse.up();
}

async function openDraw(t: ExecutionContext, url: string, place: 'here' | 'server') {
  const watched = await open(await launch(t), `${url}#draw`);
  await watched.page.locator(`input[value="${place}"]`).check({ force: true });
  await textOf(watched.page, '#status', /^Live$/);
  await textOf(watched.page, '#draw-numbers', /digits still known[1-9]\d* of [1-9]/);
  return watched;
}

const shares = (page: Page): Promise<string[]> => page.locator('#classes .share').allTextContents();

for (const place of ['here', 'server'] as const) {
  browserTest(`${place}: a digit is read with every point; a star is taught, and undone`, async t => {
    const at = folder(t);
    const url = await sharedDemo();
    const { page, errors } = await openDraw(t, url, place);
    t.true(await page.locator('#offer').isVisible());
    await drawOn(page, seven.slice(0, 2), { end: false });
    await textOf(page, '#draw-verdict', /: \d, \d+\s%\.$/);
    const half = await shares(page);
    await drawOn(page, seven.slice(1), { begin: false });
    await textOf(page, '#draw-verdict', /It is sure: 7, /);
    await page.waitForFunction(before => {
      const now = [...document.querySelectorAll('#classes .share')].map(share => share.textContent).join();
      return now !== before;
    }, half.join());
    t.false(await page.locator('#offer').isVisible());
    const stripes = await page.locator('#draw-strip').evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    });
    t.true(stripes > 20, 'h(t) is drawn');

    const kept = async (): Promise<[number, number]> => {
      const [, right, of] = /still known(\d+) of (\d+)/.exec((await page.textContent('#draw-numbers')) ?? '')!;
      return [Number(right), Number(of)];
    };
    const [before, asked] = await kept();
    t.is(before, asked);
    // What is learned is the same here and there: on the server once is enough to see it.
    const times = place === 'here' ? 3 : 1;
    for (let i = 1; i <= times; i++) {
      await page.locator('#erase').click();
      await drawOn(
        page,
        star.map(([x, y]) => [x + 0.03 * i, y]),
      );
      await page.locator('#name').fill('star');
      await page.locator('#learn').click();
      await textOf(
        page,
        '#draw-numbers',
        new RegExp(`^drawings taught${i}of them known now\\d+ of ${i}digits still known\\d+ of ${asked}updates`),
      );
    }
    t.true((await kept())[0] >= 0.9 * asked, 'digits are not forgotten');
    await drawOn(
      page,
      star.map(([x, y]) => [0.9 * x, 0.95 * y]),
    );
    await textOf(page, '#draw-verdict', /: star, /);

    if (place === 'server') {
      await page.locator('#undo').click();
      await textOf(page, '#draw-verdict', /: \d, /);
      t.deepEqual(errors, []);
      return;
    }
    const download = page.waitForEvent('download');
    await page.locator('#save').click();
    await (await download).saveAs(at('drawings.json'));
    for (let i = 0; i < 3; i++) await page.locator('#undo').click();
    await textOf(page, '#draw-verdict', /: \d, /);
    await textOf(page, '#draw-numbers', /^drawings taught0of/);
    await page.locator('#file').setInputFiles(at('drawings.json'));
    await textOf(page, '#draw-verdict', /: star, /);

    await page.locator('#pad').focus();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Space');
    for (let i = 0; i < 16; i++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    await textOf(page, '#draw-verdict', /: 1, /);

    await page.locator('#sample').click();
    await textOf(page, '#draw-verdict', /: \d, /);
    await drawOn(page, seven);
    await textOf(page, '#draw-verdict', /: 7, /);
    await page.waitForTimeout(200);
    t.regex((await page.textContent('#draw-verdict'))!, /: 7, /, 'who draws ends what is being written');

    await page.locator('#write button[type="submit"]').click();
    await textOf(page, '#write-note', /^Write again/);
    await page.locator('#words').fill('2 go');
    await page.locator('#write button[type="submit"]').click();
    await page.waitForFunction(
      () => (document.querySelector('#handwriting path')?.getAttribute('d') ?? '').length > 200,
    );
    for (const [text, note, written] of [
      ['o☃', 'It does not know ☃', 'o'],
      ['☃', 'It does not know ☃', 'nothing'],
      ['', 'Expected something to write', 'nothing'],
    ]) {
      await page.locator('#words').fill(text);
      await page.locator('#words').press('Enter');
      await page.getByRole('status').filter({ hasText: note }).waitFor();
      await page.getByRole('img', { name: `What the network has written: ${written}`, exact: true }).waitFor();
    }
    await page.getByRole('status').filter({ hasText: 'Learned 3 drawings of the file.' }).waitFor();
    t.deepEqual(errors, []);
  });
}

browserTest('who draws with keys has time between strokes, and begins anew by escape or after other ink', async t => {
  const url = await sharedDemo();
  const { page, errors } = await openDraw(t, url, 'here');
  const pad = page.locator('#pad');
  const press = async (key: string, times = 1): Promise<void> => {
    for (let i = 0; i < times; i++) await pad.press(key);
  };
  // Longer than the rest after which a hand begins another drawing.
  const think = (): Promise<void> => page.waitForTimeout(1700);
  const corner = async (): Promise<void> => {
    await pad.focus();
    await page.keyboard.down('Space');
    await page.keyboard.down('Space');
    await page.keyboard.up('Space');
    await press('ArrowDown', 10);
    await press('ArrowRight', 10);
    await press('Space');
  };
  const stem = async (): Promise<void> => {
    await press('ArrowUp', 12);
    await press('ArrowLeft', 4);
    await press('Space');
    await press('ArrowDown', 18);
    await press('Space');
  };
  await press('Escape');
  await corner();
  await think();
  await stem();
  await textOf(page, '#draw-verdict', /: 4, /);

  await think();
  await drawOn(page, seven);
  await textOf(page, '#draw-verdict', /: 7, /);
  await think();
  await stem();
  await textOf(page, '#draw-verdict', /: 1, /);
  t.deepEqual(errors, []);
});

browserTest(
  'a digit that is asked for twice, or drawn over, before it can be written is written once at most',
  async t => {
    const url = await sharedDemo();
    const { page, errors } = await open(await launch(t), 'about:blank');
    let asked = (): void => {};
    let release = (): void => {};
    await page.route('**/models/hand.safetensors', async route => {
      asked();
      await new Promise<void>(resolve => {
        release = resolve;
      });
      await route.continue();
    });
    for (const drawn of [false, true]) {
      const held = new Promise<void>(resolve => {
        asked = resolve;
      });
      await page.goto('about:blank');
      await page.goto(`${url}#draw`);
      await textOf(page, '#status', /^Live$/);
      await held;
      await page.locator('#sample').click();
      if (drawn) await drawOn(page, seven);
      else await page.locator('#sample').click();
      release();
      await textOf(page, '#draw-numbers', /digits still known[1-9]\d* of [1-9]/);
      // The last point of what is written has come when nothing moves any more.
      const said = (): Promise<string> => page.locator('#classes').innerText();
      for (let before = '', now = await said(); now !== before; now = await said()) {
        before = now;
        await page.waitForTimeout(500);
      }
      await page.locator('#name').fill('seen');
      const download = page.waitForEvent('download');
      await page.locator('#learn').click();
      await page.locator('#save').click();
      const stream = await (await download).createReadStream();
      let text = '';
      for await (const chunk of stream) text += chunk;
      const [{ points }] = JSON.parse(text).taught as { points: { x: number; time: number; up: boolean }[] }[];
      const back = points.filter(({ time }, i) => i > 0 && time < points[i - 1].time);
      t.deepEqual(back, [], 'time goes on from point to point');
      if (drawn) t.is(points.filter(({ up }) => up).length, 1, 'the hand alone has drawn');
    }
    t.deepEqual(errors, []);
  },
);

browserTest('what is taught before there are digits to learn again is learned beside them, and is kept', async t => {
  const url = await sharedDemo();
  const { page, errors } = await open(await launch(t), 'about:blank');
  let release = (): void => {};
  const held = new Promise<void>(resolve => {
    release = resolve;
  });
  await page.route('**/models/hand.safetensors', async route => {
    await held;
    await route.continue();
  });
  await page.goto(`${url}#draw`);
  await page.locator('#load:enabled').waitFor();
  const points = star.map(([x, y], i) => ({ x: 320 * x, y: 320 * y, time: 50 * i, up: i === star.length - 1 }));
  const taught = [
    { name: 'star', points },
    { name: 'star', points: points.map(point => ({ ...point, x: 0.9 * point.x })) },
  ];
  await page.locator('#file').setInputFiles({
    name: 'drawings.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify({ format: 'eddy drawings 1', taught })),
  });
  await textOf(page, '#draw-numbers', /^drawings taught2of them known now2 of 2digits/);
  const alone = await number(page, '#draw', 'updates');
  release();
  const known = async (): Promise<void> => {
    const text = await textOf(
      page,
      '#draw-numbers',
      /^drawings taught2of them known now2 of 2digits still known\d+ of [1-9]/,
    );
    const [, right, of] = /still known(\d+) of (\d+)/.exec(text)!.map(Number);
    t.true(right >= 0.9 * of, `${right} of ${of} digits`);
  };
  await numberFrom(page, '#draw', 'updates', alone + 100);
  await known();

  await page.getByRole('link', { name: 'Type' }).click();
  await page.locator('#typing').waitFor();
  await page.goBack();
  await known();
  t.deepEqual(await page.locator('#taught li').allTextContents(), ['star × 2']);
  await page.locator('#undo').press('Enter');
  await textOf(page, '#draw-numbers', /^drawings taught1of them known now1 of 1digits/);
  const focused = (): Promise<string | undefined> => page.evaluate(() => document.activeElement?.id);
  t.is(await focused(), 'undo');
  await page.keyboard.press('Enter');
  await textOf(page, '#draw-numbers', /^drawings taught0of/);
  await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  t.is(await focused(), 'name', 'whoever uses keys is still there');
  const huge = { name: 'huge.json', mimeType: 'application/json', buffer: Buffer.alloc(4 * 2 ** 20 + 1, ' ') };
  await page.locator('#file').setInputFiles(huge);
  await textOf(page, '#teach-verdict', /^Expected a file of at most 4 MB\.$/);
  await page.evaluate(
    text => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([text], 'drawings.json'));
      document
        .querySelector('#pad')!
        .dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer }));
    },
    JSON.stringify({ format: 'eddy drawings 1', taught: Array(11).fill({ name: 'a tall tower', points }) }),
  );
  await textOf(page, '#draw-numbers', /^drawings taught11of them known now11 of 11digits.*\d,\d{3}$/);
  const [shown, all] = await page.$eval('#classes li:last-child .glyph', one => [one.clientWidth, one.scrollWidth]);
  t.true(all <= shown, `the longest name is not cut: ${all} pixels on ${shown}`);
  t.deepEqual(errors, []);
});

browserTest(
  'a server that is stopped and comes back goes on with the ink; one that is killed is told it again',
  async t => {
    const sessions = folder(t)('sessions');
    let { url, child } = await startDemo(t, '0', '--sessions', sessions);
    const { port } = new URL(url);
    const { page } = await openDraw(t, url, 'server');

    await drawOn(page, seven.slice(0, 3), { end: false });
    await textOf(page, '#draw-verdict', /: \d, /);
    child.kill('SIGTERM');
    await once(child, 'exit');
    await textOf(page, '#status', /gone/);
    ({ child } = await startDemo(t, port, '--sessions', sessions));
    await textOf(page, '#status', /^Live$/);
    await drawOn(page, seven.slice(2), { begin: false });
    await textOf(page, '#draw-verdict', /: 7, /);
    t.is(await page.textContent('#notice'), '', 'as if nothing had happened');

    await page.locator('#erase').click();
    await drawOn(page, seven.slice(0, 3), { end: false });
    await textOf(page, '#draw-verdict', /: \d, /);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await textOf(page, '#status', /gone/);
    await startDemo(t, port, '--sessions', sessions);
    await textOf(page, '#notice', /opened a new session: your ink was sent again/);
    await drawOn(page, seven.slice(2), { begin: false });
    await textOf(page, '#draw-verdict', /: 7, /);
  },
);

browserTest('a page that is opened while the server is gone can be taught when it is back', async t => {
  const { url, child } = await startDemo(t);
  const { page } = await open(await launch(t), `${url}#type`);
  await textOf(page, '#status', /^Live$/);
  child.kill('SIGTERM');
  await once(child, 'exit');
  await page.getByRole('link', { name: 'Draw' }).click();
  await page.locator('#sample').click();
  await textOf(page, '#notice', /The network “hand” cannot be had: the server is gone/);
  await startDemo(t, new URL(url).port);
  await textOf(page, '#draw-numbers', /digits still known[1-9]\d* of [1-9]/);
  t.regex((await page.textContent('#teach-verdict'))!, /^Draw a star/);
});
