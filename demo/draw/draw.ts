import './draw.css';
import {
  createStrokes,
  inkFrame,
  inkSvg,
  type ModelConfig,
  type Point,
  type StrokesConfig,
  svgPath,
  type TrainableModel,
} from 'eddy';
import { writeLine } from 'eddy/operators';
import { fromEvent, Subscription } from 'rxjs';
import { count, createNumbers, percent } from '../parts/numbers.js';
import { createStrip } from '../parts/strip.js';
import { fetchModel } from '../run/here.js';
import type { Place } from '../run/runner.js';
import type { Page } from '../shell/page.js';
import { createClasses } from './classes.js';
import { lessonOf, longestName, namesOf, readTaught, type Taught, writeTaught } from './lessons.js';
import { createPad } from './pad.js';
import { side } from './pen.js';
import { createPupil, type Score } from './pupil.js';
import { type Digits, writeDigits } from './replay.js';

/** Classes that the network came with; the others are free for what it is taught. */
const shipped = 10;
const units = 80;
/** Columns of the strip: inputs of some drawings. */
const moments = 96;
/** Milliseconds of rest after which a hand begins another drawing. */
const rest = 1500;
/** Drawings of one thing that teach it well. */
const enough = 3;
/** Bytes of a file that is read: some hundred drawings. */
const largestFile = 4 << 20;

const invitation = 'Draw a star, a heart, your initial. Then say what it is: three drawings teach it well.';

const layout = `
<div class="intro">
  <h1>It reads while you draw.</h1>
  <p>A small recurrent network that has seen 24 people write digits. Every point of your pen moves its guess. Draw something that it has never seen, say what it is, and it learns it.</p>
</div>
<section class="panel" aria-labelledby="draw-title">
  <div class="heading">
    <h2 id="draw-title">Your drawing</h2>
    <p class="verdict" id="draw-verdict" aria-live="polite">Draw a digit, or let it write one.</p>
  </div>
  <div class="drawing">
    <div>
      <div class="pad">
        <canvas id="pad" tabindex="0" role="application" aria-label="Pad to draw on. Arrow keys move the pen, space puts it down and lifts it, escape clears."></canvas>
        <p class="offer" id="offer"><b>Draw a digit here</b>with a pen, a finger or the mouse</p>
      </div>
      <div class="tools">
        <button type="button" id="sample">Let it write one</button>
        <button type="button" class="quiet" id="erase">Clear</button>
      </div>
    </div>
    <figure>
      <figcaption><b>What it may be</b> <span class="key network">how likely, with every point</span></figcaption>
      <ol class="bars" id="classes" aria-label="How likely each class is"></ol>
    </figure>
  </div>
  <p class="notice" id="notice" role="status"></p>
  <figure>
    <figcaption><b>State h(t)</b> <span class="key warm">positive</span> <span class="key cold">negative</span></figcaption>
    <canvas class="strip" id="draw-strip" role="img" aria-label="What the network remembers of the ink: one row a unit, one column a step along the ink, newest on the right"></canvas>
    <p class="note">${units} numbers: all that it remembers of the ink, step by step along the line; newest on the right</p>
  </figure>
</section>
<section class="panel" aria-labelledby="teach-title">
  <div class="heading">
    <h2 id="teach-title">Teach it</h2>
    <p class="verdict" id="teach-verdict" role="status">${invitation}</p>
  </div>
  <form class="teaching" id="teach">
    <label>This is <input id="name" maxlength="${longestName}" autocomplete="off" placeholder="a star"></label>
    <button type="submit" id="learn" disabled>Learn it</button>
    <button type="button" class="quiet" id="undo" disabled>Undo</button>
    <button type="button" class="quiet" id="save" disabled>Save</button>
    <button type="button" class="quiet" id="load" disabled>Load</button>
    <input type="file" id="file" accept="application/json" aria-label="A file of drawings" hidden>
  </form>
  <ul class="taught" id="taught" aria-label="What it was taught"></ul>
  <dl class="numbers" id="draw-numbers"></dl>
  <p class="note">Only the readout learns. With each new drawing it also sees digits again, written by the network below, so that it does not forget them. The digits that count as still known are others, which it never learns from. Save puts your drawings in a file; load it, or drop it anywhere here, and they are learned again.</p>
</section>
<section class="panel" aria-labelledby="write-title">
  <div class="heading">
    <h2 id="write-title">The other way round</h2>
    <p class="verdict">A second network writes: each offset of the pen is drawn from what it foretells.</p>
  </div>
  <form class="written" id="write">
    <label>Write <input type="text" id="words" maxlength="24" autocomplete="off" value="good day"></label>
    <label>from wild to neat <input type="range" id="bias" min="0" max="2" step="0.1" value="1"></label>
    <button type="submit">Write</button>
    <button type="button" class="quiet" id="svg" disabled>Save as SVG</button>
  </form>
  <svg class="handwriting" id="handwriting" role="img" aria-label="What the network has written: nothing yet"></svg>
  <p class="note" id="write-note" role="status">It knows digits and the letters a b c d e g h l m n o p q r s u v w y z, each in one hand. It writes in this page, wherever the reader runs.</p>
</section>`;

/** What had been taught when the page was left. */
let left: readonly Taught[] = [];

/** What a person draws, read point by point, and learned. */
export const draw: Page = { id: 'draw', title: 'Draw', start };

function start(root: HTMLElement, { runners, status }: Parameters<Page['start']>[1]): () => void {
  const life = new Subscription();
  root.innerHTML = layout;
  const find = <Kind extends Element = HTMLElement>(id: string): Kind => root.querySelector<Kind>(`#${id}`)!;
  const button = (id: string) => find<HTMLButtonElement>(id);
  const [verdict, notice, offer, teachVerdict] = ['draw-verdict', 'notice', 'offer', 'teach-verdict'].map(id =>
    find(id),
  );
  const nameBox = find<HTMLInputElement>('name');
  const classes = createClasses(find('classes'));
  const strip = createStrip(find<HTMLCanvasElement>('draw-strip'), units, moments, life);
  const show = createNumbers(find('draw-numbers'), [
    'drawings taught',
    'of them known now',
    'digits still known',
    'updates of the weights',
  ]);

  let config: ModelConfig | undefined;
  let encoder: ReturnType<typeof createStrokes> | undefined;
  let encoding: unknown;
  let place: Place | undefined;
  let drawing: Point[] = [];
  let taught = left;
  let updates = 0;
  let known: Score | undefined;
  let kept: Score | undefined;
  let lifted = Number.NEGATIVE_INFINITY;
  let playing: ReturnType<typeof setTimeout> | undefined;
  /** Drawings and strokes that were begun: a digit that is asked for before the network is there gives way to them. */
  let begun = 0;
  let hand: Promise<TrainableModel> | undefined;
  let digits: Digits | undefined;
  let writing = false;
  let untaught = false;

  const names = (): string[] => namesOf(config?.labels ?? [], shipped, taught);
  const free = (): number => (config?.output.size ?? 0) - names().length;
  const fraction = (score: Score | undefined): string => (score ? `${score.right} of ${score.of}` : '–');
  const refresh = (): void => {
    show([count(taught.length), fraction(known), fraction(kept), count(updates)]);
    button('learn').disabled = drawing.length === 0 || nameBox.value.trim() === '' || config === undefined;
    // Whoever uses keys is not to lose their place with the button.
    if (taught.length === 0 && document.activeElement === button('undo')) nameBox.focus();
    button('undo').disabled = taught.length === 0;
    button('save').disabled = taught.length === 0;
    button('load').disabled = config === undefined;
    const counts = new Map<string, number>();
    for (const { name } of taught) counts.set(name, (counts.get(name) ?? 0) + 1);
    find('taught').replaceChildren(
      ...[...counts].map(([name, times]) => {
        const item = document.createElement('li');
        item.textContent = times === 1 ? name : `${name} × ${times}`;
        return item;
      }),
    );
  };

  const pupil = createPupil(
    runners,
    status,
    'drawn-digits',
    {
      begun(begunConfig, begunPlace) {
        const again = config !== undefined;
        const moved = place !== begunPlace;
        config = begunConfig;
        place = begunPlace;
        encoder = createStrokes(config.encoder as unknown as StrokesConfig);
        updates = 0;
        teachAgain();
        void haveDigits();
        if (again && (taught.length > 0 || drawing.length > 0)) {
          const what = [
            ...(drawing.length > 0 ? ['your ink'] : []),
            ...(taught.length > 0 ? ['what you taught'] : []),
          ].join(' and ');
          const where = place === 'here' ? 'this page' : 'the server';
          notice.textContent = moved
            ? `The network runs in ${where === 'this page' ? where : 'a session of the server'} now; ${what} went along.`
            : `The connection was lost, and ${where} has opened a new session: ${what} was sent again.`;
        }
        refresh();
      },
      seen({ prediction, carry }) {
        if (carry) strip.push(carry);
        classes.show(prediction, names());
        say(prediction);
      },
      updated() {
        updates++;
        refresh();
      },
    },
    life,
  );

  const say = (prediction: Float32Array): void => {
    const all = names();
    const best = prediction.subarray(0, all.length).indexOf(Math.max(...prediction.subarray(0, all.length)));
    const sure = prediction[best];
    const words = sure > 0.9 ? 'It is sure' : sure > 0.6 ? 'It thinks' : 'It is not sure, perhaps';
    verdict.textContent = `${words}: ${all[best]}, ${percent(sure)}.`;
  };

  const see = (points: Point[]): void => {
    if (encoder === undefined) return;
    const { state, inputs } = encoder.encode(encoding as never, points);
    encoding = state;
    pupil.see(points, inputs.length);
  };
  /** The ink on the pad, from its first point on. */
  const seeAgain = (): void => {
    if (encoder === undefined) return;
    pupil.turn();
    encoding = encoder.initial();
    if (drawing.length > 0) see(drawing);
  };
  const learnNewest = (some: readonly Taught[]): void => {
    pupil.learn(lessonOf(some, names(), digits?.learned ?? [], encoder!));
  };
  const ask = (): void => {
    known = undefined;
    kept = undefined;
    const all = names();
    if (taught.length > 0) {
      const asked = taught.map(({ name, points }) => ({
        inputs: encoder!.encode(encoder!.initial(), points).inputs,
        answer: all.indexOf(name),
      }));
      pupil.ask(asked, score => {
        known = score;
        refresh();
      });
    }
    if (digits && digits.asked.length > 0)
      pupil.ask(digits.asked, score => {
        kept = score;
        refresh();
      });
  };
  /** All lessons, from weights that know none of them. */
  const teachAgain = (): void => {
    if (encoder === undefined) return;
    for (let i = 1; i <= taught.length; i++) learnNewest(taught.slice(0, i));
    ask();
    seeAgain();
    classes.show(undefined, names());
  };

  const clear = (): void => {
    clearTimeout(playing);
    playing = undefined;
    begun++;
    drawing = [];
    pad.clear();
    offer.hidden = false;
    verdict.textContent = 'Draw a digit, or let it write one.';
    seeAgain();
    classes.show(undefined, names());
    refresh();
  };
  const pad = createPad(
    find<HTMLCanvasElement>('pad'),
    {
      down(goesOn) {
        const rested = !goesOn && performance.now() - lifted > rest;
        if (playing !== undefined || (rested && drawing.length > 0)) clear();
        begun++;
        notice.textContent = '';
      },
      ink(points) {
        offer.hidden = true;
        drawing.push(...points);
        if (points[points.length - 1].up) lifted = performance.now();
        see(points);
        refresh();
      },
      clear,
    },
    life,
  );

  const fetchHand = (): Promise<TrainableModel> => {
    hand ??= fetchModel('hand');
    hand.catch(() => {
      hand = undefined;
    });
    return hand;
  };
  /** Digits to learn again; where they cannot be had, a later session asks for them again. */
  const haveDigits = async (): Promise<void> => {
    if (digits !== undefined || writing) return;
    writing = true;
    try {
      const written = await writeDigits(...(await Promise.all([fetchHand(), fetchModel('drawn-digits')])));
      if (life.closed) return;
      digits = written;
      if (untaught) teachVerdict.textContent = invitation;
      // What was taught by now was taught without them.
      if (taught.length > 0) pupil.forget();
      teachAgain();
    } catch (error) {
      untaught = true;
      teachVerdict.textContent = `It cannot be taught without the network that writes: ${(error as Error).message}.`;
    }
    writing = false;
  };

  const act = (id: string, event: string, work: () => void): void => {
    life.add(
      fromEvent(find(id), event).subscribe(happened => {
        if (event === 'submit') happened.preventDefault();
        work();
      }),
    );
  };
  const lettersOf = ({ config: { encoder: strokes } }: TrainableModel): string => String(strokes?.letters ?? '');

  act('erase', 'click', clear);
  act('sample', 'click', async () => {
    clear();
    const mine = begun;
    try {
      const model = await fetchHand();
      if (mine !== begun) return;
      const digit = String(Math.floor(10 * Math.random()));
      const line = writeLine(model, digit, { bias: 0.6, seed: Math.floor(1e6 * Math.random()) });
      const [left, top, width, height] = inkFrame(line, 0);
      const points = line.map(point => ({
        ...point,
        x: point.x - left + (side - width) / 2,
        y: point.y - top + (side - height) / 2,
      }));
      const play = (at: number): void => {
        if (life.closed) return;
        pad.add([points[at]]);
        playing = at + 1 < points.length ? setTimeout(() => play(at + 1), 40) : undefined;
      };
      play(0);
    } catch (error) {
      notice.textContent = (error as Error).message;
    }
  });

  act('name', 'input', refresh);
  act('teach', 'submit', () => {
    const name = nameBox.value.trim();
    if (drawing.length === 0 || name === '' || config === undefined) return;
    if (!names().includes(name) && free() <= 0) {
      teachVerdict.textContent = 'It has no room for another name: undo one, or teach it more of those that it has.';
      return;
    }
    const ended = drawing.map((point, i) => (i === drawing.length - 1 ? { ...point, up: true } : point));
    taught = [...taught, { name, points: ended }];
    learnNewest(taught);
    ask();
    const times = taught.filter(one => one.name === name).length;
    teachVerdict.textContent =
      times < enough
        ? `Learned: ${name}. Draw it again, a little differently, and say so again: ${times} of ${enough}.`
        : `Learned: ${name}, from ${times} drawings. Draw another one and see.`;
    clear();
    nameBox.focus({ preventScroll: true });
  });
  act('undo', 'click', () => {
    const last = taught.at(-1);
    if (last === undefined) return;
    taught = taught.slice(0, -1);
    pupil.forget();
    teachAgain();
    teachVerdict.textContent = `Undone: the last ${last.name}. It is as if it had never been taught.`;
    refresh();
  });
  const download = (name: string, text: string, type: string): void => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  act('save', 'click', () => download('drawings.json', writeTaught(taught), 'application/json'));
  const file = find<HTMLInputElement>('file');
  act('load', 'click', () => file.click());
  const load = async (chosen: File | undefined): Promise<void> => {
    if (chosen === undefined || config === undefined || encoder === undefined) return;
    try {
      if (chosen.size > largestFile) throw new Error('Expected a file of at most 4 MB.');
      const loaded = readTaught(await chosen.text(), encoder);
      const all = namesOf(config.labels ?? [], shipped, loaded);
      if (all.length > config.output.size) throw new Error('This file has more names than there is room for.');
      taught = loaded;
      pupil.forget();
      teachAgain();
      teachVerdict.textContent = `Learned ${taught.length} drawings of the file.`;
    } catch (error) {
      teachVerdict.textContent = (error as Error).message;
    }
    refresh();
  };
  act('file', 'change', () => {
    void load(file.files?.[0]);
    // The same file may be chosen again.
    file.value = '';
  });
  for (const name of ['dragover', 'drop'] as const) root.addEventListener(name, event => event.preventDefault());
  root.addEventListener('drop', event => void load(event.dataTransfer?.files[0]));

  let line: readonly Point[] = [];
  const picture = find<SVGSVGElement>('handwriting');
  act('write', 'submit', async () => {
    const text = find<HTMLInputElement>('words').value;
    try {
      const model = await fetchHand();
      const letters = lettersOf(model);
      line = writeLine(model, text, {
        bias: Number(find<HTMLInputElement>('bias').value),
        seed: Math.floor(1e6 * Math.random()),
      });
      const missing = [...new Set(text)].filter(letter => letter !== ' ' && !letters.includes(letter));
      find('write-note').textContent =
        missing.length > 0
          ? `It does not know ${missing.join(' ')}: it writes digits and ${letters.replace(/\d/g, '').split('').join(' ')}.`
          : line.length > 0
            ? 'Write again: each time it is another.'
            : 'Expected something to write: letters or digits.';
      picture.setAttribute('viewBox', inkFrame(line, 16).join(' '));
      const written = [...text]
        .filter(letter => !missing.includes(letter))
        .join('')
        .trim();
      picture.setAttribute('aria-label', `What the network has written: ${written || 'nothing'}`);
      picture.innerHTML = '<path/>';
      const path = picture.querySelector('path')!;
      button('svg').disabled = line.length === 0;
      const begin = performance.now();
      const mine = line;
      const grow = (now: number): void => {
        if (life.closed || line !== mine) return;
        const shown = mine.filter(point => point.time <= 1.5 * (now - begin));
        path.setAttribute('d', svgPath(shown));
        if (shown.length < mine.length) requestAnimationFrame(grow);
      };
      requestAnimationFrame(grow);
    } catch (error) {
      find('write-note').textContent = (error as Error).message;
    }
  });
  act('svg', 'click', () => download('handwriting.svg', inkSvg(line), 'image/svg+xml'));

  life.add(() => clearTimeout(playing));
  if (taught.length > 0) teachVerdict.textContent = 'What you taught it is still here: draw it and see.';
  refresh();
  return () => {
    left = taught;
    life.unsubscribe();
  };
}
