import { type AudioConfig, createEncoder, createTranscriber, EddyError } from 'eddy';
import type { RemoteSound, RemoteStep } from 'eddy/client';
import { encode } from 'eddy/operators';
import { BehaviorSubject, connect, EMPTY, map, merge, Subscription, switchMap, tap } from 'rxjs';
import { count, createNumbers } from '../parts/numbers.js';
import { fetchBeside, LostError } from '../parts/server-events.js';
import { staying } from '../parts/status.js';
import { createStrip } from '../parts/strip.js';
import type { Page } from '../shell/page.js';
import './listen.css';
import { MicrophoneError, openFile, openMicrophone, type Source } from './sources.js';

/** Frames that the pictures show: four seconds of them. */
const moments = 250;
const bands = 40;
const digits = 10;
/** Samples from one frame to the next, and in a second. */
const [hop, rate] = [128, 8000];
/** Of the picture alone; its frames are those of the networks. */
const picture: AudioConfig = {
  kind: 'audio',
  rate,
  frame: 256,
  hop,
  bands,
  low: 80,
  high: 3600,
  floor: 1e-6,
  span: 400,
};

const example = new URL('./example.wav', import.meta.url);

const layout = `
<div class="intro">
  <h1>It hears digits.</h1>
  <p>Say some, one after the other, in English. Two networks listen, sixty frames a second: one tells whether anybody speaks, the other which digits.</p>
</div>
<section class="panel" aria-labelledby="listen-title" id="listen-panel">
  <div class="heading">
    <h2 id="listen-title">What it heard</h2>
    <p class="verdict" id="listen-verdict">Nothing yet. Press a button, or drop a WAV file here.</p>
  </div>
  <p class="said" id="listen-said" role="status" aria-live="polite" aria-label="Digits that were heard"></p>
  <div class="tools">
    <button type="button" id="listen-example">Hear an example</button>
    <button type="button" class="quiet" id="listen-microphone">Use the microphone</button>
    <label class="button quiet">Open a WAV file<input type="file" id="listen-file" accept=".wav,audio/wav,audio/x-wav"></label>
    <button type="button" class="quiet" id="listen-stop" disabled>Stop</button>
  </div>
  <p class="trouble" id="listen-trouble" role="alert" hidden></p>
  <figure>
    <figcaption><b>Sound</b> <span class="key cold">quieter than usual</span> <span class="key warm">louder</span></figcaption>
    <canvas class="strip spectrogram" id="listen-spectrogram" role="img" aria-label="Power of the sound in 40 bands, low ones below; newest on the right"></canvas>
    <p class="note">40 bands from 80 Hz (below) to 3.6 kHz; four seconds, newest on the right</p>
  </figure>
  <figure>
    <figcaption><b>Speech</b> <span class="key warm">somebody speaks</span></figcaption>
    <canvas class="strip speech" id="listen-speech" role="img" aria-label="How likely somebody speaks, frame by frame"></canvas>
  </figure>
  <figure>
    <figcaption><b>Digits</b> <span class="key warm">likely</span></figcaption>
    <div class="rows">
      <ol class="names" aria-hidden="true">${Array.from({ length: digits }, (_, digit) => `<li>${digit}</li>`).join('')}</ol>
      <canvas class="strip digits" id="listen-digits" role="img" aria-label="How likely each digit is, frame by frame: one row a digit"></canvas>
    </div>
    <p class="note">a digit is heard where its row lights up: once, near its end; no frame was labelled when it learned (CTC)</p>
  </figure>
  <dl class="numbers" id="listen-numbers"></dl>
</section>`;

/** Spoken digits, from a microphone or a file. */
export const listen: Page = { id: 'listen', title: 'Listen', start };

type Heard =
  | { readonly kind: 'picture'; readonly row: Float32Array }
  | { readonly kind: 'speech' | 'digits'; readonly step: RemoteStep };

function start(root: HTMLElement, { runners, status }: Parameters<Page['start']>[1]): () => void {
  const life = new Subscription();
  root.innerHTML = layout;
  const find = <E extends HTMLElement = HTMLElement>(id: string): E => root.querySelector<E>(`#listen-${id}`)!;
  const [verdict, trouble, saidElement] = ['verdict', 'trouble', 'said'].map(id => find(id));
  const stopButton = find<HTMLButtonElement>('stop');
  const strip = (id: string, rows: number) => createStrip(find<HTMLCanvasElement>(id), rows, moments, life);
  const strips = {
    spectrogram: strip('spectrogram', bands),
    speech: strip('speech', 1),
    digits: strip('digits', digits),
  };
  const show = createNumbers(find('numbers'), ['seconds heard', 'of them speech', 'digits']);
  const transcriber = createTranscriber(digits + 1);

  const sources = new BehaviorSubject<Source | undefined>(undefined);
  let said: number[] = [];
  let maybe: readonly number[] = [];
  let state = transcriber.initial();
  let frames = 0;
  let spoken = 0;

  const write = (): void => {
    const settled = document.createElement('span');
    settled.textContent = said.join(' ');
    const unsure = document.createElement('span');
    unsure.className = 'unsure';
    unsure.textContent = maybe.join(' ');
    saidElement.replaceChildren(settled, ' ', unsure);
    const seconds = (frames * hop) / rate;
    show([
      seconds.toFixed(1),
      frames === 0 ? '–' : `${Math.round((100 * spoken) / frames)} %`,
      count(said.length + maybe.length),
    ]);
  };
  const begin = (): void => {
    [said, maybe, state, frames, spoken] = [[], [], transcriber.initial(), 0, 0];
    for (const one of Object.values(strips)) one.clear();
    write();
  };
  const take = (heard: Heard): void => {
    if (heard.kind === 'picture') {
      // Low bands below.
      strips.spectrogram.push(heard.row.map(value => value / 3).reverse());
      return;
    }
    const { prediction, logits } = heard.step;
    if (heard.kind === 'speech') {
      strips.speech.push(prediction!.subarray(1, 2));
      if (prediction![1] > 0.5) spoken++;
      frames++;
    } else {
      strips.digits.push(prediction!.subarray(0, digits));
      const read = transcriber.read(state, logits!);
      state = read.state;
      said.push(...read.transcript.settled);
      maybe = read.transcript.open;
    }
    write();
  };
  /** The last word is as sure as it gets. */
  const end = (): void => {
    said.push(...transcriber.finish(state).settled);
    [maybe, state] = [[], transcriber.initial()];
    write();
    const words =
      said.length === 0 ? 'It heard no digit.' : `It heard ${count(said.length)} digit${said.length === 1 ? '' : 's'}.`;
    verdict.textContent = `${words} Play it again, or give it something else.`;
    // Whoever uses keys is not to lose their place with the button.
    if (document.activeElement === stopButton) find('example').focus();
    stopButton.disabled = true;
  };

  const encoder = createEncoder(picture);
  const want = { logits: true };
  const heard = runners.pipe(
    switchMap(runner =>
      sources.pipe(
        switchMap(source => {
          if (!source) return EMPTY;
          return staying<Heard>(status, 'listen', opened => {
            begin();
            verdict.textContent = `Listening to ${source.name}.`;
            stopButton.disabled = false;
            let waiting = 2;
            const options = {
              want,
              opened: () => {
                if (--waiting === 0) opened();
              },
            };
            return source.sound.pipe(
              connect(sound =>
                merge(
                  sound.pipe(
                    encode(encoder),
                    map((row): Heard => ({ kind: 'picture', row })),
                  ),
                  sound.pipe(
                    runner.step<RemoteSound>('speech', options),
                    map((step): Heard => ({ kind: 'speech', step })),
                  ),
                  sound.pipe(
                    runner.step<RemoteSound>('digit-strings', options),
                    map((step): Heard => ({ kind: 'digits', step })),
                  ),
                ),
              ),
              tap({ complete: end }),
            );
          });
        }),
      ),
    ),
  );
  life.add(heard.subscribe(take));
  life.add(() => sources.value?.close());

  const play = (source: Source | undefined): void => {
    trouble.hidden = true;
    sources.value?.close();
    sources.next(source);
  };
  const fail = (error: unknown): void => {
    if (error instanceof LostError) trouble.textContent = `${error.message}.`;
    else if (error instanceof MicrophoneError || error instanceof EddyError) trouble.textContent = error.message;
    else trouble.textContent = `It could not be opened: ${(error as Error).message}.`;
    trouble.hidden = false;
  };
  /** What is asked for last is what is heard, even if it opens later than what was asked for before it. */
  let asked = 0;
  const open = async (source: () => Promise<Source>): Promise<void> => {
    const number = ++asked;
    try {
      const opened = await source();
      if (number === asked && !life.closed) play(opened);
      else opened.close();
    } catch (error) {
      if (number === asked) fail(error);
    }
  };
  const wav = async (name: string, file: Blob | Response): Promise<Source> =>
    openFile(name, new Uint8Array(await file.arrayBuffer()), encoder);

  find('example').addEventListener('click', () =>
    open(async () => wav('the example', await fetchBeside(example, 'The example'))),
  );
  find('microphone').addEventListener('click', () => open(openMicrophone));
  const file = find<HTMLInputElement>('file');
  file.addEventListener('change', () => {
    const [chosen] = file.files ?? [];
    if (chosen) void open(() => wav(chosen.name, chosen));
    // The same file may be chosen again.
    file.value = '';
  });
  stopButton.addEventListener('click', () => {
    asked++;
    play(undefined);
    end();
  });
  const panel = find('panel');
  for (const name of ['dragover', 'drop'] as const) panel.addEventListener(name, event => event.preventDefault());
  panel.addEventListener('drop', event => {
    const [dropped] = event.dataTransfer?.files ?? [];
    if (dropped) void open(() => wav(dropped.name, dropped));
  });
  write();
  return () => life.unsubscribe();
}
