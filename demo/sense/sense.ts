import { createSurprise, type Surprise } from 'eddy';
import {
  BehaviorSubject,
  combineLatest,
  finalize,
  fromEvent,
  mergeMap,
  type Observable,
  Subscription,
  switchMap,
  tap,
} from 'rxjs';
import { createChart } from '../parts/chart.js';
import { createHistory } from '../parts/history.js';
import { count, createNumbers, percent } from '../parts/numbers.js';
import { type Status, staying } from '../parts/status.js';
import { createStrip } from '../parts/strip.js';
import type { Lessons, Runner } from '../run/runner.js';
import type { Page } from '../shell/page.js';
import { createCards } from './cards.js';
import { createForecaster, type Judged, together, units } from './forecaster.js';
import './sense.css';
import { exampleTable, fileSource, machine, motionSource, type Source } from './source.js';
import { readTable } from './table.js';

/** Columns of the strip. */
const moments = 240;
/** Readings before the verdict. */
const acquainted = 20;
/** Milliseconds in which a device that moves says so. */
const patience = 1500;
/** Deviations that are shown: the first surprises may be thousands, while little is known of what is usual. */
const [lowest, highest] = [-2, 20];
/** Readings of a file that are sent and not answered. */
const mostUnderWay = 16;
/** Bytes of a file that is read. */
const largestFile = 20 << 20;

const lessons: Lessons = { k1: 1, k2: 16, optimizer: { kind: 'adam', rate: 0.005 } };

const layout = `
<div class="intro">
  <h1>It forecasts the next reading, and says how sure it is.</h1>
  <p>A small recurrent network that knew nothing when you came. It guesses, sees what came, learns from the difference, and notices what is unusual.</p>
</div>
<section class="panel" aria-labelledby="sense-title">
  <div class="sources" role="group" aria-label="Where readings come from">
    <button type="button" id="machine" aria-pressed="true">This machine</button>
    <button type="button" id="choose" aria-pressed="false">A CSV file…</button>
    <button type="button" id="example" aria-pressed="false">An example: tides</button>
    <button type="button" id="motion" aria-pressed="false">This device’s motion</button>
    <input type="file" id="file" accept=".csv,.tsv,.txt,text/csv" aria-label="A CSV file" hidden>
    <select id="speed" aria-label="How fast the file is read" hidden><option value="120">8 rows a second</option><option value="25" selected>40 rows a second</option><option value="0">as fast as it goes</option></select>
  </div>
  <p class="problem" id="problem" role="alert" hidden></p>
  <div class="heading">
    <h2 id="sense-title">This machine</h2>
    <p class="verdict" id="sense-verdict"></p>
  </div>
  <div class="readings" id="readings"></div>
  <p class="note" id="omitted" hidden></p>
  <div class="pair">
    <figure>
      <figcaption><b>Error</b> <span class="key network">the network</span> <span class="key trivial">saying “same as now”</span></figcaption>
      <div class="plot" id="sense-loss" role="img" aria-label="Error of the network beside that of saying the same as now; nothing to show yet"></div>
      <p class="note">averaged over some 100 readings; 1 is the usual change, lower is better</p>
    </figure>
    <figure>
      <figcaption><b>Surprise</b> <span class="key network">deviations above the usual</span> <span class="key alarm">unusual</span></figcaption>
      <div class="plot" id="sense-surprise" role="img" aria-label="How surprising each reading was; nothing to show yet"></div>
      <p class="note">how unlikely each reading was by its forecast, before it was learned; from 5 on it is unusual, once there were 60; no more than ${highest} is drawn</p>
    </figure>
  </div>
  <figure class="memory">
    <figcaption><b>State h(t)</b> <span class="key warm">positive</span> <span class="key cold">negative</span></figcaption>
    <canvas class="strip" id="sense-strip" role="img" aria-label="What the network remembers: one row a unit, one column a reading, newest on the right"></canvas>
    <p class="note">${units} numbers: all that it remembers from one reading to the next; newest on the right. A CSV file can be dropped anywhere here.</p>
  </figure>
  <dl class="numbers" id="sense-numbers"></dl>
</section>`;

/** Readings, forecast and learned online: of this machine, of a file, of a device that moves. */
export const sense: Page = { id: 'sense', title: 'Sense', start };

function start(root: HTMLElement, { runners, status }: Parameters<Page['start']>[1]): () => void {
  const life = new Subscription();
  root.innerHTML = layout;
  const find = <E extends HTMLElement>(id: string): E => root.querySelector<E>(`#${id}`)!;
  const sources = new BehaviorSubject<Source>(machine);
  const speed = find<HTMLSelectElement>('speed');
  const problem = find('problem');
  const buttons = ['machine', 'choose', 'example', 'motion'].map(id => find<HTMLButtonElement>(id));

  life.add(
    combineLatest([runners, sources])
      .pipe(switchMap(([runner, source]) => watch(root, status, runner, source)))
      .subscribe(),
  );

  const say = (text: string): void => {
    problem.textContent = text;
    problem.hidden = text === '';
  };
  const use = (source: Source, button: string): void => {
    say('');
    for (const one of buttons) one.setAttribute('aria-pressed', String(one.id === button));
    speed.hidden = button !== 'choose' && button !== 'example';
    sources.next(source);
  };
  const pause = (): number => Number(speed.value);
  const useFile = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    try {
      if (file.size > largestFile) throw new Error('Expected a file of at most 20 MB');
      use(fileSource(file.name, readTable(new Uint8Array(await file.arrayBuffer())), pause), 'choose');
    } catch (error) {
      say(`${file.name}: ${(error as Error).message}.`);
    }
  };
  const useMotion = async (): Promise<void> => {
    const { requestPermission } = DeviceMotionEvent as { requestPermission?: () => Promise<string> };
    const allowed = requestPermission === undefined || (await requestPermission().catch(() => 'denied')) === 'granted';
    if (!allowed) return say('This device keeps its motion to itself: allow it in the settings of the browser.');
    const motions = fromEvent<DeviceMotionEvent>(window, 'devicemotion');
    use(motionSource(motions), 'motion');
    let moved = false;
    const listening = motions.subscribe(event => {
      moved ||= event.accelerationIncludingGravity?.x != null;
    });
    const asked = setTimeout(() => {
      listening.unsubscribe();
      if (!moved && find('motion').getAttribute('aria-pressed') === 'true')
        say('No motion comes from this device: open this page on a phone, over https.');
    }, patience);
    life.add(() => clearTimeout(asked));
    life.add(listening);
  };

  const input = find<HTMLInputElement>('file');
  find('machine').addEventListener('click', () => use(machine, 'machine'));
  find('choose').addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    void useFile(input.files?.[0]);
    input.value = '';
  });
  find('example').addEventListener('click', () =>
    use(fileSource('Tides at two piers', exampleTable(), pause), 'example'),
  );
  find('motion').addEventListener('click', () => void useMotion());
  const dropping = (event: DragEvent): void => {
    event.preventDefault();
    root.classList.toggle('dropping', event.type === 'dragover');
    if (event.type === 'drop') void useFile(event.dataTransfer?.files[0]);
  };
  for (const kind of ['dragover', 'dragleave', 'drop'] as const) root.addEventListener(kind, dropping);
  return () => life.unsubscribe();
}

/** One source on one runner, until another is chosen. */
function watch(root: HTMLElement, status: Status, runner: Runner, source: Source): Observable<unknown> {
  const own = new Subscription();
  const find = <E extends HTMLElement>(id: string): E => root.querySelector<E>(`#${id}`)!;
  find('sense-title').textContent = source.title;
  const cards = createCards(find('readings'), source.columns, own);
  find('omitted').hidden = source.omitted === '';
  find('omitted').textContent = source.omitted;
  const strip = createStrip(find<HTMLCanvasElement>('sense-strip'), units, moments, own);
  strip.clear();
  const verdict = find('sense-verdict');
  verdict.textContent = 'Listening. The first forecast comes with the first reading.';
  verdict.classList.remove('unusual');
  const numbers = find('sense-numbers');
  numbers.replaceChildren();
  const show = createNumbers(numbers, [
    source.length === undefined ? `${source.noun}s` : `of ${count(source.length)} ${source.noun}s`,
    'updates of the weights',
    'from reading to forecast',
    'within the band of 90 %',
    'unusual readings',
  ]);
  const errors = createHistory(2);
  const surprises = createHistory(2, moments, 'newest');
  const drawErrors = createChart(
    find('sense-loss'),
    {
      height: 150,
      curves: [
        { color: theme => theme.network, width: 2 },
        { color: theme => theme.trivial, width: 1.75, dash: [5, 4] },
      ],
      label: value => String(Number(value.toFixed(2))),
      range: (least, most) => [Math.min(0.5, 0.9 * least), Math.max(1.2, 1.05 * most)],
    },
    own,
  );
  const drawSurprises = createChart(
    find('sense-surprise'),
    {
      height: 150,
      curves: [
        { color: theme => theme.network, width: 1.5 },
        { color: theme => theme.alarm, width: 0, dots: true },
      ],
      label: value => String(Number(value.toFixed(1))),
      range: (_, most) => [lowest, Math.max(6, 1.1 * most)],
    },
    own,
  );

  let [readings, updates, delay, unusual] = [0, 0, 0, 0];
  /** When each reading came that is under way, the oldest first. */
  let asked: number[] = [];
  let judged: Judged | undefined;
  let forecaster = createForecaster(source);
  let score = createSurprise();

  const judge = (number: number): void => {
    judged = forecaster.judge(number);
    if (judged === undefined) return;
    cards.scored(judged.scored);
    const { error, persistence } = together(judged.scored);
    errors.add(number, error, persistence);
    drawErrors(errors.columns as [number[], number[], number[]]);
    const found = score.add(judged.surprise);
    if (found.unusual) unusual++;
    const height = Math.min(highest, Math.max(lowest, found.deviations));
    surprises.add(number, height, found.unusual ? height : Number.NaN);
    drawSurprises(surprises.columns as [number[], number[], number[]]);
    const text = sentence(source, number, error / persistence, found);
    if (verdict.textContent !== text) verdict.textContent = text;
    verdict.classList.toggle('unusual', found.unusual);
    if (number % 20 !== 0) return;
    find('sense-loss').setAttribute(
      'aria-label',
      `Error of the network ${error.toFixed(2)}, of saying the same as now ${persistence.toFixed(2)}, in usual changes`,
    );
    find('sense-surprise').setAttribute('aria-label', `${unusual} of ${number} readings were unusual`);
  };

  let fresh = true;
  /** What was there before goes when something new comes. */
  const renew = (): void => {
    if (!fresh) return;
    fresh = false;
    [readings, updates, unusual, asked] = [0, 0, 0, []];
    judged = undefined;
    for (const one of [cards, strip, errors, surprises]) one.clear();
  };
  const events = staying(status, 'sense', opened => {
    // A session that is lost takes what it learned with it: all begins again.
    fresh = true;
    forecaster = createForecaster(source);
    score = createSurprise();
    // Readings that stop because the server is gone go on when it is back; what was learned stays.
    const room = (): boolean => fresh || asked.length < mostUnderWay;
    const rows = source.served
      ? staying(status, 'readings', flowing => source.rows(room).pipe(tap(flowing)))
      : source.rows(room);
    return rows.pipe(
      tap(row => {
        renew();
        readings++;
        asked.push(performance.now());
        cards.came(source.columns.map(({ name }) => (typeof row[name] === 'number' ? row[name] : Number.NaN)));
      }),
      mergeMap(row => forecaster.items(row)),
      runner.learn(forecaster.config, lessons, { want: { carry: true }, opened }),
    );
  }).pipe(
    tap(event => {
      if (event.kind === 'step') {
        const { number, step } = event;
        delay = performance.now() - asked.shift()!;
        const forecast = forecaster.forecast(number, step.prediction);
        if (forecast) cards.foretold(number, forecast);
        if (step.carry) strip.push(step.carry);
      } else if (event.kind === 'late') judge(event.number);
      else if (event.kind === 'update') updates = event.update.count;
      show([
        count(readings),
        count(updates),
        `${delay.toFixed(1)} ms`,
        judged && Number.isFinite(judged.within) ? percent(judged.within) : '–',
        count(unusual),
      ]);
    }),
  );
  return events.pipe(finalize(() => own.unsubscribe()));
}

function sentence({ noun }: Source, readings: number, ratio: number, { unusual, deviations }: Surprise): string {
  if (unusual) return `Unusual: a surprise ${deviations.toFixed(0)} deviations above what surprises usually are.`;
  if (!Number.isFinite(ratio) || readings < acquainted)
    return `Getting to know it: ${readings} ${noun}${readings === 1 ? '' : 's'} so far.`;
  if (ratio < 0.975) return `Its forecasts are ${percent(1 - ratio)} closer than saying “same as now”.`;
  if (ratio <= 1.025) return 'As good as saying “same as now”.';
  return `Not there yet: ${percent(ratio - 1)} further off than saying “same as now”.`;
}
