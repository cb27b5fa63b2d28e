import type { CharactersConfig, ModelConfig } from 'eddy';
import type { RemoteStep } from 'eddy/client';
import { EMPTY, filter, type Observable, Subject, Subscription, switchMap, timer } from 'rxjs';
import { createChart } from '../parts/chart.js';
import { createHistory } from '../parts/history.js';
import { count, createNumbers, percent } from '../parts/numbers.js';
import { staying } from '../parts/status.js';
import { createStrip } from '../parts/strip.js';
import type { Runner } from '../run/runner.js';
import type { Page } from '../shell/page.js';
import { createBars } from './bars.js';
import { lookOf } from './characters.js';
import { continuation } from './ghost.js';
import { createPaper, type Mark } from './paper.js';
import { createReader, networks, type Reading } from './reader.js';
import { rhyme } from './rhyme.js';

/** Columns of the strip: so many characters can be told apart. */
const moments = 64;
const units = 208;
/** Milliseconds of rest before it goes on by itself. */
const rest = 150;
/** Milliseconds between two characters that it reads by itself. */
const pace = 25;

const layout = `
<div class="intro">
  <h1>It guesses your next letter.</h1>
  <p>Two networks that read Shakespeare. One stays as it is; the other learns from whoever types, one update a letter. Type, and type it again.</p>
</div>
<section class="panel" aria-labelledby="type-title">
  <div class="heading">
    <h2 id="type-title">Your words</h2>
    <p class="verdict" id="type-verdict">It has read nothing of yours. Type, or let it read.</p>
  </div>
  <div class="writing">
    <div class="desk">
      <label class="hidden" for="typing">What the network reads, character by character</label>
      <div class="paper">
        <div class="ghost" id="ghost" aria-hidden="true"></div>
        <textarea id="typing" rows="8" spellcheck="false" autocomplete="off" autocapitalize="off" maxlength="20000" aria-describedby="typing-help" placeholder="Type anything. Type it again: the second time it knows more."></textarea>
      </div>
      <div class="tools">
        <button type="button" id="read">Let it read a rhyme</button>
        <button type="button" class="quiet" id="take" disabled>Take its guess <kbd aria-hidden="true">→</kbd></button>
        <button type="button" id="clear" class="quiet">Clear</button>
      </div>
      <p class="note" id="typing-help"><span class="sample tinted">Tinted</span> letters surprised it; <span class="sample expected">coloured</span> ones at the end are what it expects, and <kbd>→</kbd> takes them. What you erase stays read.</p>
    </div>
    <div class="next">
      <figure>
        <figcaption><b>Next letter</b> <span class="key network">the learner</span></figcaption>
        <ol class="bars" id="bars-learner" aria-label="The likeliest next characters, as the learner sees it"></ol>
      </figure>
      <figure>
        <figcaption><span class="key frozen">as it was trained</span></figcaption>
        <ol class="bars frozen" id="bars-frozen" aria-label="The likeliest next characters, as the network that stays sees it"></ol>
      </figure>
    </div>
  </div>
  <div class="pair">
    <figure>
      <figcaption><b>Bits per letter</b> <span class="key network">the learner</span> <span class="key frozen">as it was trained</span> <span class="key trivial">counting letters</span></figcaption>
      <div class="plot" id="type-loss" role="img" aria-label="Bits per character of the learner, of the network that stays, and of counting letters; nothing to show yet"></div>
      <p class="note">letter by letter, averaged over some 100; 6 is knowing nothing, lower is better</p>
    </figure>
    <figure>
      <figcaption><b>State h(t)</b> <span class="key warm">positive</span> <span class="key cold">negative</span></figcaption>
      <canvas class="strip" id="type-strip" role="img" aria-label="What the learner remembers: one row a unit, one column a character, newest on the right"></canvas>
      <p class="note">208 numbers that the learner takes from one letter to the next; newest on the right</p>
    </figure>
  </div>
  <dl class="numbers" id="type-numbers"></dl>
</section>`;

const full = 'There is no more room. Clear makes some; what it has learned stays.';

/** What was on the paper when the page was left, and what of it no network had read. */
let left: { readonly marks: readonly Mark[]; readonly unread: readonly Mark[] } = { marks: [], unread: [] };

/** What a person types, foretold and learned character by character. */
export const type: Page = { id: 'type', title: 'Type', start };

function start(root: HTMLElement, { runners, status }: Parameters<Page['start']>[1]): () => void {
  const life = new Subscription();
  root.innerHTML = layout;
  const find = (id: string): HTMLElement => root.querySelector(`#${id}`)!;
  const area = find('typing') as HTMLTextAreaElement;
  const [readButton, takeButton, clearButton] = ['read', 'take', 'clear'].map(id => find(id) as HTMLButtonElement);
  const verdict = find('type-verdict');
  const lossPlot = find('type-loss');
  let vocabulary: readonly string[] = [];
  const bars = {
    learner: createBars(find('bars-learner'), () => vocabulary),
    frozen: createBars(find('bars-frozen'), () => vocabulary),
  };
  const strip = createStrip(find('type-strip') as HTMLCanvasElement, units, moments, life);
  const show = createNumbers(find('type-numbers'), ['letters read', 'updates of the weights', 'foreseen as likeliest']);
  const history = createHistory(3);
  const draw = createChart(
    lossPlot,
    {
      height: 170,
      curves: [
        { color: theme => theme.network, width: 2 },
        { color: theme => theme.frozen, width: 2 },
        { color: theme => theme.trivial, width: 1.75, dash: [5, 4] },
      ],
      label: value => String(Number(value.toFixed(1))),
      range: (_, most) => [0, Math.max(6, 1.02 * most)],
    },
    life,
  );
  const rested = new Subject<Observable<string>>();

  let updates: number | undefined;
  let latest: Reading | undefined;
  let current: Runner | undefined;
  let newest: RemoteStep | undefined;
  let reading: ReturnType<typeof setInterval> | undefined;

  const reader = createReader<Mark>((mark, scored) => {
    latest = scored;
    mark.bits = scored.bits;
    paper.tint(mark);
    const { learner, frozen, letters } = scored.means;
    history.add(scored.count, learner, frozen, letters);
    draw(history.columns as [number[], number[], number[], number[]]);
    verdict.textContent = paper.full ? full : sentence(scored);
    if (scored.count % 20 === 0) {
      lossPlot.setAttribute(
        'aria-label',
        `Bits per character: the learner ${learner.toFixed(1)}, the network that stays ${frozen.toFixed(1)}, counting letters ${letters.toFixed(1)}`,
      );
    }
  });
  const paper = createPaper(
    area,
    find('ghost'),
    [...left.marks],
    marks => {
      takeButton.disabled = true;
      for (const mark of marks) reader.read([mark.character], mark);
    },
    life,
  );
  for (const mark of left.unread) reader.read([mark.character], mark);
  if (paper.marks.length > 0)
    verdict.textContent =
      'What you typed is still here, and is not read again: a new session begins with your next letter.';

  const renew = (config: ModelConfig): void => {
    vocabulary = [...(config.encoder as unknown as CharactersConfig).vocabulary];
    history.clear();
    strip.clear();
    bars.learner.clear();
    bars.frozen.clear();
    latest = undefined;
    newest = undefined;
  };
  const events = runners.pipe(
    switchMap(runner => {
      current = runner;
      return staying(status, 'type', opened =>
        reader.connect(runner, config => {
          renew(config);
          opened();
        }),
      );
    }),
  );
  life.add(
    events.subscribe(event => {
      if (event.kind === 'step') {
        bars[event.side].show(event.step.prediction);
        if (event.side === 'learner') {
          if (event.step.carry) strip.push(event.step.carry, lookOf(event.character).glyph);
          newest = event.step;
        }
        if (reading === undefined && newest) rested.next(goOn(newest));
      } else {
        updates = event.count;
      }
      show([
        count(latest?.count ?? 1),
        updates === undefined ? '–' : count(updates),
        latest === undefined ? '–' : percent(latest.right),
      ]);
    }),
  );

  const goOn = (step: RemoteStep): Observable<string> => {
    const runner = current;
    return timer(rest).pipe(
      // While a text is read, what comes next is known.
      filter(() => reader.waiting === 0),
      switchMap(() => (runner ? continuation(runner, networks.learner, vocabulary, step) : EMPTY)),
    );
  };
  life.add(
    rested.pipe(switchMap(growing => growing)).subscribe(text => {
      if (reader.waiting > 0) return;
      paper.expect(text);
      takeButton.disabled = text === '';
    }),
  );

  const stopReading = (): void => {
    clearInterval(reading);
    if (reading !== undefined && newest) rested.next(goOn(newest));
    reading = undefined;
    readButton.textContent = 'Let it read a rhyme';
  };
  life.add(() => clearInterval(reading));
  const startReading = (): void => {
    if (paper.full) {
      verdict.textContent = full;
      return;
    }
    let at = 0;
    if (paper.marks.length > 0) paper.append('\n\n');
    readButton.textContent = 'Stop reading';
    reading = setInterval(() => {
      if (at === rhyme.length || paper.full) stopReading();
      else if (reader.waiting <= 8) paper.append(rhyme[at++]);
    }, pace);
  };
  const take = (): void => {
    if (paper.ghost !== '') paper.append(paper.ghost);
  };

  readButton.addEventListener('click', () => (reading === undefined ? startReading() : stopReading()));
  takeButton.addEventListener('click', () => {
    take();
    area.focus();
  });
  clearButton.addEventListener('click', () => {
    stopReading();
    reader.skip();
    paper.clear();
    area.focus();
  });
  area.addEventListener('keydown', event => {
    if (
      event.isComposing ||
      event.key !== 'ArrowRight' ||
      event.shiftKey ||
      event.ctrlKey ||
      event.altKey ||
      event.metaKey
    )
      return;
    if (!paper.caretAtEnd || paper.ghost === '') return;
    event.preventDefault();
    take();
  });
  area.addEventListener('beforeinput', stopReading);
  return () => {
    left = { marks: paper.marks, unread: reader.unread };
    life.unsubscribe();
  };
}

function sentence({ count: read, means: { learner, frozen } }: Reading): string {
  if (read < 30) return 'Reading. Each letter is foretold, and then learned from.';
  const beside = `${learner.toFixed(1)} bits a letter, ${frozen.toFixed(1)} without learning`;
  return learner < frozen ? `It needs ${beside}.` : `It needs ${beside}: still learning.`;
}
