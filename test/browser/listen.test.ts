import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import { type AudioConfig, createAudio } from '../../src/encoders/audio.js';
import { readWav, writeWav } from '../../src/encoders/wav.js';
import { loadModel } from '../../src/model/checkpoint.js';
import { createTranscriber } from '../../src/model/transcript.js';
import { createRandom } from '../../src/random.js';
import { browserTest, launch, open, textOf } from '../helpers/browser.js';
import { sharedDemo } from '../helpers/demo.js';
import { repositoryRoot } from '../helpers/repository.js';

async function openListen(t: ExecutionContext, args: readonly string[] = []) {
  const watched = await open(await launch(t, args), `${await sharedDemo()}#listen`);
  await watched.page.locator('#listen h1').waitFor();
  return watched;
}

const choose = (page: Page, place: string): Promise<void> => page.getByRole('radio', { name: place }).check();
const said = async (page: Page): Promise<string> => ((await page.textContent('#listen-said')) ?? '').trim();
const heardOut = (page: Page): Promise<string> => textOf(page, '#listen-verdict', /^It heard/);

/** What the network that ships hears in a WAV file and half a second of silence, as the page gives it: computed in Node. */
async function heardInNode(bytes: Uint8Array): Promise<string> {
  const model = await loadModel(readFileSync(join(repositoryRoot, 'demo/models/digit-strings.safetensors')));
  const encoder = createAudio(model.config.encoder as unknown as AudioConfig);
  const transcriber = createTranscriber(model.config.output.size);
  const { rate, samples } = readWav(bytes);
  const padded = new Int16Array(samples.length + rate / 2);
  padded.set(samples);
  const { inputs, state } = encoder.encode(encoder.initial(), { rate, samples: padded });
  let [carry, heard] = [model.zeroCarry(), transcriber.initial()];
  const labels = [...inputs, ...encoder.finish(state)].flatMap(input => {
    const step = model.step(carry, input);
    carry = step.carry;
    const read = transcriber.read(heard, step.logits);
    heard = read.state;
    return read.transcript.settled;
  });
  return [...labels, ...transcriber.finish(heard).settled].join(' ');
}

/** Different colours in a canvas. */
function colours(page: Page, canvas: string): Promise<number> {
  return page.evaluate(selector => {
    const element = document.querySelector<HTMLCanvasElement>(selector)!;
    const { data } = element.getContext('2d')!.getImageData(0, 0, element.width, element.height);
    return new Set(new Uint32Array(data.buffer)).size;
  }, canvas);
}

browserTest('the example is heard, here and on the server alike, and a file that is none is told in words', async t => {
  const example = await heardInNode(readFileSync(join(repositoryRoot, 'demo/listen/example.wav')));
  const count = example.split(' ').length;
  t.true(count >= 3, example);
  const { page, errors, hosts } = await openListen(t);
  for (const place of ['here', 'on the server']) {
    await choose(page, place);
    await page.getByRole('button', { name: 'Hear an example' }).click();
    await textOf(page, '#listen-verdict', /^Listening to the example/);
    t.is(await heardOut(page), `It heard ${count} digits. Play it again, or give it something else.`);
    t.is(await said(page), example, place);
    for (const picture of ['spectrogram', 'speech', 'digits'])
      t.true((await colours(page, `#listen-${picture}`)) > 10, `${picture} is drawn`);
  }
  const file = { name: 'notes.wav', mimeType: 'audio/wav', buffer: Buffer.from('these are only words') };
  await page.setInputFiles('#listen-file', file);
  await textOf(page, '#listen-trouble', /Expected a WAV file to begin with RIFF and WAVE/);
  const odd = { ...file, name: 'odd.wav', buffer: Buffer.from(writeWav(39_989, new Int16Array(999))) };
  await page.setInputFiles('#listen-file', odd);
  await textOf(page, '#listen-trouble', /Expected a rate near a simple ratio to 8000 hertz.*, got 39989/);
  t.is(await said(page), example, 'what was heard before stays');
  t.deepEqual(errors, []);
  t.deepEqual([...hosts], [new URL(page.url()).host]);
});

/** Bursts of noise between silences, 16 bits at 8 kHz. */
function bursts(): Uint8Array<ArrayBuffer> {
  const random = createRandom(2);
  const loudness = (n: number): number => (Math.floor(n / 2000) % 2 ? 4000 * Math.abs(Math.sin(n / 90)) : 20);
  return writeWav(
    8000,
    Int16Array.from({ length: 12_000 }, (_, n) => loudness(n) * random.normal()),
  );
}

browserTest('a WAV file is heard to its end, and can be stopped', async t => {
  const { page, errors } = await openListen(t);
  await choose(page, 'here');
  const buffer = Buffer.from(bursts());
  await page.setInputFiles('#listen-file', { name: 'digits.wav', mimeType: 'audio/wav', buffer });
  await textOf(page, '#listen-verdict', /^Listening to digits.wav/);
  await heardOut(page);
  t.is(await said(page), await heardInNode(bursts()));
  await page.setInputFiles('#listen-file', { name: 'digits.wav', mimeType: 'audio/wav', buffer });
  await textOf(page, '#listen-verdict', /^Listening/);
  await page.getByRole('button', { name: 'Stop' }).press('Enter');
  await heardOut(page);
  t.is(await page.evaluate(() => document.activeElement?.id), 'listen-example', 'whoever uses keys is still there');
  t.deepEqual(errors, []);
});

browserTest('without a microphone it says so and what to do, with one it listens', async t => {
  const none = await openListen(t);
  await none.page.getByRole('button', { name: 'Use the microphone' }).click();
  await textOf(none.page, '#listen-trouble', /(No microphone was found|was not allowed).*Open a WAV file instead/);

  const fake = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
  const { page, errors } = await openListen(t, fake);
  await page.getByRole('button', { name: 'Use the microphone' }).click();
  await textOf(page, '#listen-verdict', /^Listening to the microphone/);
  await page.waitForFunction(
    () => Number.parseFloat(document.querySelector('#listen-numbers dd')?.textContent ?? '0') > 1,
  );
  t.true((await colours(page, '#listen-spectrogram')) > 10);
  await page.getByRole('button', { name: 'Stop' }).click();
  await heardOut(page);
  t.deepEqual(errors, []);
});

browserTest('a microphone that is taken away ends what is heard, and can be used again', async t => {
  const fake = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
  const { page, errors } = await openListen(t, fake);
  await page.evaluate(() => {
    const { mediaDevices } = navigator;
    const ask = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async constraints => {
      const stream = await ask(constraints);
      Object.assign(window, { unplug: () => stream.getTracks()[0].dispatchEvent(new Event('ended')) });
      return stream;
    };
  });
  for (let time = 0; time < 2; time++) {
    await page.getByRole('button', { name: 'Use the microphone' }).click();
    await textOf(page, '#listen-verdict', /^Listening to the microphone/);
    await page.evaluate(() => (window as unknown as { unplug: () => void }).unplug());
    await heardOut(page);
    t.true(await page.getByRole('button', { name: 'Stop' }).isDisabled());
  }
  t.deepEqual(errors, []);
});
