import type { Subscription } from 'rxjs';
import { createChart } from '../parts/chart.js';
import type { Scored } from './forecaster.js';

interface Column {
  readonly name: string;
  readonly about: string;
  readonly format: (value: number) => string;
  readonly formatError: (value: number) => string;
  /** The least height of the picture, in units of the data: noise is not blown up beyond it. */
  readonly span: number;
  /** No value is above it. */
  readonly most?: number;
}

const precise = (digits: number, of: number, unit: string) => {
  const format = new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (value: number): string => `${format.format(of * value)} ${unit}`;
};

const shown: readonly Column[] = [
  {
    name: 'Processor',
    about: 'busy',
    format: precise(0, 100, '%'),
    formatError: precise(1, 100, '%'),
    span: 0.2,
    most: 1,
  },
  { name: 'Memory', about: 'in use', format: precise(2, 100, '%'), formatError: precise(3, 100, '%'), span: 0.002 },
  {
    name: 'Event loop',
    about: 'late by, at worst',
    format: precise(1, 1, 'ms'),
    formatError: precise(1, 1, 'ms'),
    span: 2,
  },
];

export interface Cards {
  /** A reading came. */
  came(values: readonly number[]): void;
  /** The reading after step `number` is foretold. */
  foretold(number: number, values: ArrayLike<number>): void;
  scored(scored: readonly Scored[]): void;
  /** The stream begins again. */
  restart(): void;
}

/** Readings that are shown: half a minute. */
const most = 120;

/** A card for each reading: what came, what comes next, and both over the last half minute. */
export function createCards(parent: HTMLElement, life: Subscription): Cards {
  const cards = shown.map(column => createCard(parent, column, life));
  let came = 0;
  return {
    came(values) {
      came++;
      values.forEach((value, i) => {
        cards[i].came(came, value);
      });
    },
    foretold(number, values) {
      cards.forEach((card, i) => {
        card.foretold(number + 1, values[i], number === came);
      });
    },
    scored(scored) {
      scored.forEach((one, i) => {
        cards[i].scored(one);
      });
    },
    restart() {
      came = 0;
      for (const card of cards) card.restart();
    },
  };
}

function createCard(
  parent: HTMLElement,
  { name, about, format, formatError, span, most: highest = Number.POSITIVE_INFINITY }: Column,
  life: Subscription,
) {
  const card = document.createElement('article');
  card.className = 'card';
  card.innerHTML = `
    <div class="figures">
    <h3></h3>
    <p class="now"><output class="value">–</output> <span class="about"></span></p>
    <p class="then"><span class="arrow" aria-hidden="true">→</span> <output class="value">–</output> <span class="about">expected next</span></p>
    </div>
    <div class="plot" role="img"></div>
    <p class="note">the first forecast is on its way</p>`;
  const [now, then] = card.querySelectorAll('output');
  const plot = card.querySelector<HTMLElement>('.plot')!;
  const note = card.querySelector('.note')!;
  card.querySelector('h3')!.textContent = name;
  card.querySelector('.about')!.textContent = about;
  plot.setAttribute('aria-label', `${name}: the last half minute, and what was forecast for it`);
  parent.append(card);

  const draw = createChart(
    plot,
    {
      height: 92,
      curves: [
        { color: theme => theme.ink, fill: true },
        { color: theme => theme.network, width: 1.5, endPoint: true },
      ],
      range(least, top) {
        const room = Math.max(span - (top - least), 0.16 * (top - least));
        const low = Math.max(Math.min(0, least), least - room / 2);
        const high = top + room - (least - low);
        // A forecast may be beyond what can be.
        const over = Math.max(0, high - Math.max(highest * 1.02, top));
        return [low - over, high - over];
      },
    },
    life,
  );
  let moments: number[] = [];
  let values: (number | null)[] = [];
  let forecasts: (number | null)[] = [];
  const at = (moment: number): number => {
    const last = moments.at(-1) ?? moment - 1;
    for (let next = last + 1; next <= moment; next++) {
      moments.push(next);
      values.push(null);
      forecasts.push(null);
    }
    const extra = moments.length - most;
    if (extra > 0) for (const list of [moments, values, forecasts]) list.splice(0, extra);
    return moment - moments[0];
  };
  const show = (): void => draw([moments, values, forecasts]);

  return {
    came(moment: number, value: number) {
      values[at(moment)] = value;
      now.textContent = format(value);
      show();
    },
    foretold(moment: number, value: number, isNext: boolean) {
      const place = at(moment);
      if (place >= 0) forecasts[place] = value;
      if (isNext) then.textContent = format(Math.max(0, value));
      show();
    },
    scored({ error, persistence }: Scored) {
      if (Number.isFinite(persistence))
        note.textContent = `off by ${formatError(error)} · “same as now” ${formatError(persistence)}`;
    },
    restart() {
      moments = [];
      values = [];
      forecasts = [];
      then.textContent = '–';
      show();
    },
  };
}
