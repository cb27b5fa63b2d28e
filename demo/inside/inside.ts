import type { CellKind } from 'eddy';
import type { RemoteItem } from 'eddy/client';
import {
  BehaviorSubject,
  combineLatest,
  defer,
  finalize,
  map,
  merge,
  type Observable,
  Subject,
  Subscription,
  switchMap,
  tap,
} from 'rxjs';
import { count } from '../parts/numbers.js';
import { staying } from '../parts/status.js';
import type { Runner } from '../run/runner.js';
import type { Page } from '../shell/page.js';
import { createEquality } from './equality.js';
import { explain, type Term } from './explanations.js';
import { createPace, type Feed, feeds, lessonsOf } from './feeds.js';
import './inside.css';
import { createProbe, itemsOf } from './probe.js';
import { createView } from './view.js';

const layout = `
<div class="intro">
  <h1>Look inside while it learns.</h1>
  <p>A small recurrent network at work: its state, its gates, how far back each loss reaches, and where truncation cuts it off. Point at a name, or tap it, to read what it is.</p>
</div>
<section class="panel" aria-label="Inside a recurrent network">
  <div class="choices">
    <label>it learns <select id="feed"></select></label>
    <label>cell <select id="cell"><option value="gru">GRU</option><option value="lstm">LSTM</option><option value="rnn_tanh">tanh (Elman)</option></select></label>
    <label for="k2"><span>window k₂ = <output id="k2-value">8</output></span> <input type="range" id="k2" min="1" max="24" value="8"></label>
    <label>pace <select id="pace"><option value="600">slow</option><option value="150" selected>walking</option><option value="25">fast</option></select></label>
    <div class="tools"><button type="button" id="pause">Pause</button><button type="button" class="quiet" id="once" disabled>One step</button></div>
  </div>
  <p class="verdict" id="feed-about"></p>
  <div class="board">
    <button type="button" class="term" data-term="reach">reach of L(t)</button>
    <div class="lane reach" data-term="reach"><canvas id="reach" role="img" aria-label="The size of the gradient of the newest loss with respect to each earlier state, on a logarithmic scale"></canvas></div>
    <div class="frame" id="frame" hidden></div>
  </div>
  <div class="explanation" id="explanation" role="status"></div>
  <div class="pair">
    <figure>
      <figcaption><button type="button" class="term" data-term="loss">loss L(t)</button> <span class="key network">nats, over some 50 steps</span></figcaption>
      <div class="plot" id="inside-loss" role="img" aria-label="The loss, step by step"></div>
    </figure>
    <figure>
      <figcaption><button type="button" class="term" data-term="norm">gradient norm</button> <span class="key network">of each update</span></figcaption>
      <div class="plot" id="inside-norm" role="img" aria-label="The norm of the gradient, update by update"></div>
    </figure>
  </div>
  <dl class="numbers inside-numbers">
    <div><dt>steps</dt><dd id="steps">–</dd></div>
    <div><dt><button type="button" class="term" data-term="updates">updates</button></dt><dd id="updates">–</dd></div>
    <div><dt><button type="button" class="term" data-term="window">steps in the window</button></dt><dd id="in-window">–</dd></div>
    <div id="equal-group"><dt><button type="button" class="term" data-term="equal">states with the server’s bits</button></dt><dd id="equal">–</dd></div>
  </dl>
</section>`;

interface Choice {
  readonly feed: Feed;
  readonly cell: CellKind;
  readonly k2: number;
}

/** A learner from inside: state, gates, gradients by lag, the window as it slides. */
export const inside: Page = { id: 'inside', title: 'Inside', start };

function start(root: HTMLElement, { runners, status }: Parameters<Page['start']>[1]): () => void {
  const life = new Subscription();
  root.innerHTML = layout;
  const find = <E extends HTMLElement>(id: string): E => root.querySelector<E>(`#${id}`)!;
  const [feedChoice, cellChoice, paceChoice] = ['feed', 'cell', 'pace'].map(id => find<HTMLSelectElement>(id));
  const [pauseButton, onceButton] = ['pause', 'once'].map(id => find<HTMLButtonElement>(id));
  const slider = find<HTMLInputElement>('k2');
  for (const { id, title } of feeds) feedChoice.append(new Option(title, id));
  const choices = new BehaviorSubject<Choice>({ feed: feeds[0], cell: 'gru', k2: Number(slider.value) });
  const pace = createPace();
  life.add(() => pace.set(0));
  const show = explainOn(root, () => choices.value);

  const run = (runner: Runner, { feed, cell, k2 }: Choice): Observable<unknown> => {
    const own = new Subscription();
    const view = createView(root, cell, k2, own);
    const [config, lessons] = [feed.config(cell), lessonsOf(feed, k2)];
    const remote = runner.place === 'server';
    find('equal-group').hidden = !remote;
    find('feed-about').textContent = feed.about;
    find('frame').dataset.label = `window, k₂ = ${k2}`;
    show();

    // When the server comes back both begin anew: only so can they be compared.
    const learning = staying(status, 'inside', opened => {
      const equality = createEquality();
      const taken = new Subject<RemoteItem>();
      // Whoever waits for what is due has all that it takes.
      const paced = defer(() => {
        opened();
        return pace.due;
      });
      const here = defer(() =>
        createProbe(config, lessons, seen => {
          if (remote && seen.kind === 'step') equality.here(seen.number, seen.carry);
          view.see(seen);
        }),
      ).pipe(
        tap(view.begin),
        switchMap(probe =>
          feed.moments(paced).pipe(
            map((moment, i) => {
              probe.take(moment);
              for (const item of itemsOf(moment, i + 1)) taken.next(item as RemoteItem);
            }),
          ),
        ),
      );
      if (!remote) return here;
      const ready = new Subject<void>();
      const there = taken.pipe(
        runner.learn<RemoteItem>(config, lessons, {
          want: { carry: true },
          opened: () => ready.next(),
        }),
        tap(event => {
          if (event.kind !== 'step' || !event.step.carry) return;
          const { same, all } = equality.there(event.number, event.step.carry);
          find('equal').textContent = `${count(same)} of ${count(all)}`;
        }),
      );
      return merge<unknown[]>(there, ready.pipe(switchMap(() => here)));
    });
    return learning.pipe(finalize(() => own.unsubscribe()));
  };
  life.add(
    combineLatest([runners, choices])
      .pipe(switchMap(([runner, choice]) => run(runner, choice)))
      .subscribe(),
  );

  const choose = (): void =>
    choices.next({
      feed: feeds.find(({ id }) => id === feedChoice.value) ?? feeds[0],
      cell: cellChoice.value as CellKind,
      k2: Number(slider.value),
    });
  for (const control of [feedChoice, cellChoice, slider]) control.addEventListener('change', choose);
  slider.addEventListener('input', () => {
    find('k2-value').textContent = slider.value;
  });
  let paused = false;
  const setPace = (): void => pace.set(paused ? 0 : Number(paceChoice.value));
  paceChoice.addEventListener('change', setPace);
  pauseButton.addEventListener('click', () => {
    paused = !paused;
    pauseButton.textContent = paused ? 'Go on' : 'Pause';
    onceButton.disabled = !paused;
    setPace();
  });
  onceButton.addEventListener('click', pace.once);
  setPace();
  return () => life.unsubscribe();
}

/** Whatever is pointed at, focused or tapped is explained. Returns what says it again, for another choice. */
function explainOn(root: HTMLElement, choice: () => Choice): () => void {
  const box = root.querySelector('#explanation')!;
  let term: Term = 'reach';
  const show = (): void => {
    // Another cell has other gates.
    if (!root.querySelector(`[data-term="${term}"]`)) term = 'state';
    const { title, formula, words } = explain(term, choice().cell, choice().k2);
    box.innerHTML = '<h3></h3><div class="formula"></div><p></p>';
    const [heading, line, text] = box.children;
    heading.textContent = title;
    line.innerHTML = formula;
    text.textContent = words;
    for (const button of root.querySelectorAll<HTMLElement>('button.term'))
      button.setAttribute('aria-pressed', String(button.dataset.term === term));
  };
  for (const kind of ['mouseover', 'focusin', 'click'] as const) {
    root.addEventListener(kind, event => {
      const named = (event.target as HTMLElement).closest<HTMLElement>('[data-term]');
      if (!named || named.dataset.term === term) return;
      term = named.dataset.term as Term;
      show();
    });
  }
  return show;
}
