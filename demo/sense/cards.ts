import type { Subscription } from 'rxjs';
import { createChart } from '../parts/chart.js';
import type { Forecast, Scored } from './forecaster.js';
import type { Column } from './source.js';

export interface Cards {
  /** A reading came; NaN where a value is missing. */
  came(values: readonly number[]): void;
  /** The reading after step `number` is foretold. */
  foretold(number: number, forecast: Forecast): void;
  scored(scored: readonly Scored[]): void;
  /** The stream begins again. */
  clear(): void;
}

/** Readings that are shown. */
const most = 120;

/** A card for each column: what came, what comes next with its band, and both over the newest readings. */
export function createCards(parent: HTMLElement, columns: readonly Column[], life: Subscription): Cards {
  const cards = columns.map(column => createCard(parent, column, life));
  let came = 0;
  return {
    came(values) {
      came++;
      values.forEach((value, i) => {
        cards[i].came(came, value);
      });
    },
    foretold(number, { values, low, high }) {
      cards.forEach((card, i) => {
        card.foretold(number + 1, values[i], low[i], high[i], number === came);
      });
    },
    scored(scored) {
      scored.forEach((one, i) => {
        cards[i].scored(one);
      });
    },
    clear() {
      came = 0;
      for (const card of cards) card.clear();
    },
  };
}

function createCard(parent: HTMLElement, column: Column, life: Subscription) {
  const { title, about, format, formatError, span, least = Number.NEGATIVE_INFINITY } = column;
  const { most: highest = Number.POSITIVE_INFINITY } = column;
  const card = document.createElement('article');
  card.className = 'card';
  card.innerHTML = `
    <div class="figures">
    <h3></h3>
    <p class="now"><output class="value" aria-live="off">–</output> <span class="about"></span></p>
    <p class="then"><span class="arrow" aria-hidden="true">→</span> <output class="value" aria-live="off">–</output> <span class="about">expected next</span></p>
    </div>
    <div class="plot" role="img"></div>
    <p class="note">the first forecast is on its way</p>`;
  const [now, then] = card.querySelectorAll('output');
  const plot = card.querySelector<HTMLElement>('.plot')!;
  const note = card.querySelector('.note')!;
  card.querySelector('h3')!.textContent = title;
  card.querySelector('.about')!.textContent = about;
  plot.setAttribute('aria-label', `${title}: the newest readings, and the band that was forecast for them`);
  parent.append(card);
  life.add(() => card.remove());

  const draw = createChart(
    plot,
    {
      height: 92,
      curves: [{ color: theme => theme.ink }, { color: theme => theme.network, width: 1.5, endPoint: true }],
      band: theme => `${theme.network}2e`,
      range(lowest, top) {
        const room = Math.max(span - (top - lowest), 0.16 * (top - lowest), 1e-9);
        const low = Math.max(Math.min(least, lowest), lowest - room / 2);
        const high = top + room - (lowest - low);
        // A forecast may be beyond what can be.
        const over = Math.max(0, high - Math.max(highest * 1.02, top));
        return [low - over, high - over];
      },
    },
    life,
  );
  const moments: number[] = [];
  const curves: (number | null)[][] = [[], [], [], []];
  const at = (moment: number): number => {
    const last = moments.at(-1) ?? moment - 1;
    for (let next = last + 1; next <= moment; next++) {
      moments.push(next);
      for (const curve of curves) curve.push(null);
    }
    const extra = moments.length - most;
    if (extra > 0) for (const list of [moments, ...curves]) list.splice(0, extra);
    return moment - moments[0];
  };
  const show = (): void => draw([moments, ...curves] as [number[], ...number[][]]);

  return {
    came(moment: number, value: number) {
      curves[0][at(moment)] = Number.isNaN(value) ? null : value;
      now.textContent = Number.isNaN(value) ? 'missing' : format(value);
      show();
    },
    foretold(moment: number, value: number, low: number, high: number, isNext: boolean) {
      if (!Number.isFinite(value)) return;
      const place = at(moment);
      if (place >= 0) {
        [value, low, high].forEach((one, i) => {
          curves[i + 1][place] = one;
        });
      }
      if (isNext) then.textContent = format(value);
      show();
    },
    scored({ error, persistence, mean }: Scored) {
      if (Number.isFinite(persistence))
        note.textContent = `off by ${formatError(error)} · “same as now” ${formatError(persistence)} · mean ${formatError(mean)}`;
    },
    clear() {
      for (const list of [moments, ...curves]) list.length = 0;
      then.textContent = '–';
      show();
    },
  };
}
