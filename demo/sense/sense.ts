import type { ModelConfig } from 'eddy';
import { mergeMap, Subscription, switchMap, tap } from 'rxjs';
import { createChart } from '../parts/chart.js';
import { createHistory } from '../parts/history.js';
import { count, createNumbers, percent } from '../parts/numbers.js';
import { serverEvents } from '../parts/server-events.js';
import { staying } from '../parts/status.js';
import { createStrip } from '../parts/strip.js';
import type { Lessons } from '../run/runner.js';
import type { Page } from '../shell/page.js';
import { createCards } from './cards.js';
import { columns, createForecaster, type Forecaster, type Load, together } from './forecaster.js';

/** Columns of the strip: a minute. */
const moments = 240;
const units = 32;
/** Readings before the verdict. */
const acquainted = 20;

const network: ModelConfig = {
  input: { kind: 'features', size: columns.length },
  layers: [{ cell: 'gru', size: units }],
  output: { kind: 'values', size: columns.length },
};
const lessons: Lessons = { k1: 1, k2: 16, optimizer: { kind: 'adam', rate: 0.005 } };

const layout = `
<div class="intro">
  <h1>It forecasts this machine, a quarter of a second ahead.</h1>
  <p>A small recurrent network that knew nothing when you came. It guesses the next reading, sees what came, and learns from the difference.</p>
</div>
<section class="panel" aria-labelledby="sense-title">
  <div class="heading">
    <h2 id="sense-title">This machine</h2>
    <p class="verdict" id="sense-verdict">Listening. The first forecast comes with the first reading.</p>
  </div>
  <div class="readings" id="readings"></div>
  <div class="pair">
    <figure>
      <figcaption><b>Error</b> <span class="key network">the network</span> <span class="key trivial">saying “same as now”</span></figcaption>
      <div class="plot" id="sense-loss" role="img" aria-label="Error of the network beside that of saying the same as now; nothing to show yet"></div>
      <p class="note">reading by reading, averaged over some 25 seconds; 1 is the usual change, lower is better</p>
    </figure>
    <figure>
      <figcaption><b>State h(t)</b> <span class="key warm">positive</span> <span class="key cold">negative</span></figcaption>
      <canvas class="strip" id="sense-strip" role="img" aria-label="What the network remembers: one row a unit, one column a reading, newest on the right"></canvas>
      <p class="note">32 numbers: all that it remembers from one reading to the next; newest on the right</p>
    </figure>
  </div>
  <dl class="numbers" id="sense-numbers"></dl>
</section>`;

/** The load of the machine, forecast and learned online. */
export const sense: Page = { id: 'sense', title: 'Sense', start };

function start(root: HTMLElement, { runners, status }: Parameters<Page['start']>[1]): () => void {
  const life = new Subscription();
  root.innerHTML = layout;
  const find = (id: string): HTMLElement => root.querySelector(`#${id}`)!;
  const cards = createCards(find('readings'), life);
  const strip = createStrip(find('sense-strip') as HTMLCanvasElement, units, moments, life);
  const verdict = find('sense-verdict');
  const lossPlot = find('sense-loss');
  const show = createNumbers(find('sense-numbers'), ['readings', 'updates of the weights', 'from reading to forecast']);
  const history = createHistory(2);
  const draw = createChart(
    lossPlot,
    {
      height: 170,
      curves: [
        { color: theme => theme.network, width: 2 },
        { color: theme => theme.trivial, width: 1.75, dash: [5, 4] },
      ],
      label: value => String(Number(value.toFixed(2))),
      range: (least, most) => [Math.min(0.5, 0.9 * least), Math.max(1.2, 1.05 * most)],
    },
    life,
  );

  let forecaster: Forecaster;
  let fresh = true;
  let readings = 0;
  let updates: number | undefined;
  let asked = 0;
  let delay = 0;

  const score = (number: number): void => {
    const scored = forecaster.score(number);
    if (scored === undefined) return;
    cards.scored(scored);
    const { error, persistence } = together(scored);
    history.add(number, error, persistence);
    draw(history.columns as [number[], number[], number[]]);
    const text = sentence(number, error / persistence);
    if (verdict.textContent !== text) verdict.textContent = text;
    if (number % 20 === 0) {
      lossPlot.setAttribute(
        'aria-label',
        `Error of the network ${error.toFixed(2)}, of saying the same as now ${persistence.toFixed(2)}, in usual changes`,
      );
    }
  };

  /** What was there before goes when something new comes. */
  const renew = (): void => {
    if (fresh) return;
    fresh = true;
    readings = 0;
    cards.restart();
    strip.clear();
    history.clear();
  };
  const events = runners.pipe(
    switchMap(runner =>
      staying(status, 'sense', opened => {
        forecaster = createForecaster();
        fresh = false;
        return serverEvents<Load>('./load').pipe(
          tap(load => {
            renew();
            readings++;
            asked = performance.now();
            cards.came(columns.map(name => load[name]));
          }),
          mergeMap(load => forecaster.items(load)),
          runner.learn(network, lessons, { want: { carry: true }, opened }),
        );
      }),
    ),
  );
  life.add(
    events.subscribe(event => {
      if (event.kind === 'step') {
        const { number, step } = event;
        delay = performance.now() - asked;
        const values = forecaster.forecast(number, step.prediction);
        if (values) cards.foretold(number, values);
        if (step.carry) strip.push(step.carry);
      } else if (event.kind === 'late') {
        score(event.number);
      } else if (event.kind === 'update') {
        updates = event.update.count;
      }
      show([count(readings), updates === undefined ? '–' : count(updates), `${delay.toFixed(1)} ms`]);
    }),
  );
  return () => life.unsubscribe();
}

function sentence(readings: number, ratio: number): string {
  if (!Number.isFinite(ratio) || readings < acquainted)
    return `Getting to know this machine: ${readings} readings so far.`;
  if (ratio < 0.975) return `Its forecasts are ${percent(1 - ratio)} closer than saying “same as now”.`;
  if (ratio <= 1.025) return 'As good as saying “same as now”.';
  return `Not there yet: ${percent(ratio - 1)} further off than saying “same as now”.`;
}
