import type { Page } from 'playwright-core';
import { browserTest, launch, open, textOf } from '../helpers/browser.js';
import { finished } from '../helpers/cli.js';
import { choose, colours, places, sharedDemo, startDemo } from '../helpers/demo.js';

const numberOf = async (page: Page, id: string): Promise<number> =>
  Number((await page.textContent(`#${id}`))?.replace(/\D.*$/, '') || 0);

async function stepsFrom(page: Page, least: number): Promise<void> {
  await page.waitForFunction(from => Number(document.querySelector('#steps')?.textContent) >= from, least);
}

browserTest(
  'a learner is seen from inside, here and on the server: state, gates, reach, the window, the same bits',
  async t => {
    const url = await sharedDemo();
    const browser = await launch(t);
    for (const place of places) {
      const { page, errors } = await open(browser, `${url}#inside`);
      await choose(page, place);
      await page.getByLabel('pace').selectOption('fast');
      await stepsFrom(page, 60);
      t.true((await numberOf(page, 'updates')) >= 58, 'one update a step');
      const ahead = await page.evaluate(
        () =>
          new Promise<number>(resolve => {
            const told = ['updates', 'steps'].map(id => document.querySelector(`#${id}`)!);
            let [changes, most] = [0, Number.NEGATIVE_INFINITY];
            new MutationObserver(() => {
              const [updates, steps] = told.map(one => Number(one.textContent));
              most = Math.max(most, updates - steps);
              if (++changes === 10) resolve(most);
            }).observe(told[0], { childList: true });
          }),
      );
      t.true(ahead <= 0, `no more updates than steps, got ${ahead} more`);
      for (const lane of ['state', 'reset', 'update', 'candidate'])
        t.true((await colours(page, `.lane.${lane} canvas`)) > 20, `${lane} is drawn`);
      t.true((await colours(page, '#reach')) > 3, 'the gradient by lag is drawn');
      t.is(await page.textContent('#in-window'), '8 of 8');
      if (place === 'on the server') {
        const said = await textOf(page, '#equal', /^[2-9]\d+ of/);
        const [, same, all] = /^(\d+) of (\d+)$/.exec(said)!;
        t.is(same, all, 'every state has the bits of the server');
      } else {
        t.true(await page.locator('#equal-group').isHidden());
        for (const stream of ['a pen', 'a voice']) {
          await page.getByLabel('it learns').selectOption(stream);
          await stepsFrom(page, 12);
          await page.waitForFunction(() => Number(document.querySelector('#updates')?.textContent) >= 10);
        }
      }
      t.deepEqual(errors, []);
      await page.close();
    }
  },
);

browserTest(
  'each quantity is explained when it is pointed at, focused or tapped; one step at a time, with another window, cell or stream',
  async t => {
    const url = await sharedDemo();
    const { page, errors } = await open(await launch(t), `${url}#inside`, { hasTouch: true });
    await choose(page, 'here');
    const explanation = page.locator('#explanation');
    t.regex((await explanation.textContent())!, /J\(t\)/, 'the reach of a loss, at first');
    await page.getByRole('button', { name: 'update z' }).hover();
    t.regex((await explanation.textContent())!, /Update gate.*1 − z/);
    await page.getByRole('button', { name: 'gradient norm' }).focus();
    t.regex((await explanation.textContent())!, /Gradient norm.*√ Σ/);
    await page.getByLabel('cell').selectOption('lstm');
    await page.getByRole('button', { name: 'forget f' }).tap();
    t.regex((await explanation.textContent())!, /Forget gate.*∂c\(t\)/);
    await page.locator('.lane.state').hover();
    t.regex((await explanation.textContent())!, /h\(t\) = o ∘ tanh/);

    await page.getByRole('button', { name: 'candidate' }).focus();

    // Paused, it goes on step by step, and begins anew with another stream, cell or window.
    await stepsFrom(page, 3);
    await page.getByRole('button', { name: 'Pause' }).press('Enter');
    await page.getByLabel('it learns').selectOption('an echo');
    await page.getByLabel('cell').selectOption('tanh (Elman)');
    t.is(await page.locator('.lane').count(), 2, 'Elman’s cell has no gates');
    t.is(await page.locator('.term[aria-pressed="true"]').count(), 1, 'what is explained is there');
    await textOf(page, '#steps', /^0$/);
    const width = async (): Promise<number> => (await page.locator('#frame').boundingBox())!.width;
    const once = page.getByRole('button', { name: 'One step' });
    for (let step = 1; step <= 12; step++) {
      await once.press('Enter');
      await textOf(page, '#steps', new RegExp(`^${step}$`));
    }
    t.is(await numberOf(page, 'steps'), 12);
    await textOf(page, '#in-window', /^8 of 8$/);
    const before = await width();
    await page.getByLabel('window').focus();
    for (let key = 0; key < 4; key++) await page.keyboard.press('ArrowLeft');
    await textOf(page, '#steps', /^0$/);
    for (let step = 1; step <= 12; step++) {
      await once.press('Enter');
      await textOf(page, '#steps', new RegExp(`^${step}$`));
    }
    await textOf(page, '#in-window', /^4 of 4$/);
    await page.waitForFunction(([was]) => document.querySelector('#frame')!.getBoundingClientRect().width < 0.6 * was, [
      before,
    ] as const);
    t.deepEqual(errors, []);
  },
);

browserTest('what the machine measures is paused, too, and taken one step at a time', async t => {
  const url = await sharedDemo();
  const { page, errors } = await open(await launch(t), `${url}#inside`);
  await choose(page, 'here');
  await page.getByLabel('it learns').selectOption('this machine');
  await stepsFrom(page, 3);
  await page.getByRole('button', { name: 'Pause' }).press('Enter');
  const steps = await numberOf(page, 'steps');
  const measured = (): Promise<void> =>
    page.evaluate(
      () =>
        new Promise(resolve => {
          let readings = 0;
          const source = new EventSource('./load');
          source.onmessage = () => {
            if (++readings < 4) return;
            source.close();
            resolve();
          };
        }),
    );
  await measured();
  t.is(await numberOf(page, 'steps'), steps, 'readings come, and are not taken');
  await page.getByRole('button', { name: 'One step' }).press('Enter');
  await textOf(page, '#steps', new RegExp(`^${steps + 1}$`));
  await measured();
  t.is(await numberOf(page, 'steps'), steps + 1);
  await page.getByRole('button', { name: 'Go on' }).press('Enter');
  await stepsFrom(page, steps + 4);
  t.deepEqual(errors, []);
});

browserTest(
  'a voice that cannot be had since the server is gone is told as that, and asked for later and later',
  async t => {
    const { url, child } = await startDemo(t);
    const { page } = await open(await launch(t), `${url}#inside`);
    await choose(page, 'here');
    await stepsFrom(page, 1);
    const said: string[] = [];
    page.on('console', message => said.push(message.text()));
    child.kill('SIGINT');
    await finished(child);
    await page.getByLabel('it learns').selectOption('a voice');
    await textOf(page, '#status', /^The server is gone – trying again in [3-8] s$/);
    t.deepEqual(
      said.filter(text => !text.startsWith('Failed to load resource')),
      [],
    );
  },
);

browserTest('on a narrow screen no name is broken within a word', async t => {
  const url = await sharedDemo();
  const { page } = await open(await launch(t), `${url}#inside`, { viewport: { width: 340, height: 700 } });
  for (const cell of ['gru', 'lstm']) {
    await page.getByLabel('cell').selectOption(cell);
    await page.locator('.board .term').nth(4).waitFor();
    const broken = await page.$$eval('.board .term', terms =>
      terms
        .filter(term => {
          const range = document.createRange();
          range.selectNodeContents(term);
          const lines = new Set([...range.getClientRects()].map(({ top }) => top));
          return lines.size > term.textContent!.trim().split(/\s+/).length;
        })
        .map(term => term.textContent),
    );
    t.deepEqual(broken, [], cell);
  }
});
