import { remote } from 'eddy/client';
import { mergeMap, tap } from 'rxjs';
import { createChart } from '../parts/chart.js';
import { createHistory } from '../parts/history.js';
import { count, createNumbers, percent } from '../parts/numbers.js';
import { serverEvents } from '../parts/server-events.js';
import { type Status, staying } from '../parts/status.js';
import { createStrip } from '../parts/strip.js';
import { createCards } from './cards.js';
import { columns, createForecaster, type Forecaster, type Load, together } from './forecaster.js';

/** Columns of the strip: a minute. */
const moments = 240;
const units = 32;
/** Readings before the verdict. */
const acquainted = 20;

const learning = { k1: 1, k2: 16, optimizer: { kind: 'adam', rate: 0.005 } } as const;

/** The load of the machine, forecast and learned online. */
export function startSense(status: Status): void {
  const find = (id: string): HTMLElement => document.getElementById(id)!;
  const cards = createCards(find('readings'));
  const strip = createStrip(find('sense-strip') as HTMLCanvasElement, units, moments);
  const verdict = find('sense-verdict');
  const lossPlot = find('sense-loss');
  const show = createNumbers(find('sense-numbers'), ['readings', 'updates of the weights', 'from reading to forecast']);
  const history = createHistory(2);
  const draw = createChart(lossPlot, {
    height: 170,
    curves: [
      { color: theme => theme.network, width: 2 },
      { color: theme => theme.trivial, width: 1.75, dash: [5, 4] },
    ],
    label: value => String(Number(value.toFixed(2))),
    range: (least, most) => [Math.min(0.5, 0.9 * least), Math.max(1.2, 1.05 * most)],
  });

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
      remote('./', { model: 'load', learn: 'shared', learning, want: { carry: true }, onOpened: opened }),
    );
  }).subscribe(event => {
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
  });
}

function sentence(readings: number, ratio: number): string {
  if (!Number.isFinite(ratio) || readings < acquainted)
    return `Getting to know this machine: ${readings} readings so far.`;
  if (ratio < 0.975) return `Its forecasts are ${percent(1 - ratio)} closer than saying “same as now”.`;
  if (ratio <= 1.025) return 'As good as saying “same as now”.';
  return `Not there yet: ${percent(ratio - 1)} further off than saying “same as now”.`;
}
