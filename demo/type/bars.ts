import { percent } from '../parts/numbers.js';
import { createPainter } from '../parts/paint.js';
import { lookOf } from './characters.js';

const most = 5;

export interface Bars {
  show(prediction: Float32Array): void;
  clear(): void;
}

/**
 * The likeliest next characters as bars, the likeliest first.
 *
 * @param vocabulary the character of each token; any other has none
 */
export function createBars(list: HTMLElement, vocabulary: () => readonly string[]): Bars {
  const rows = Array.from({ length: most }, () => {
    const row = document.createElement('li');
    row.innerHTML =
      '<span class="glyph"></span><span class="track"><span class="bar"></span></span><span class="share"></span>';
    list.append(row);
    const [glyph, , bar, share] = row.querySelectorAll('span');
    return { row, glyph, bar, share };
  });
  let latest: Float32Array | undefined;

  const paint = createPainter(() => {
    const best = latest ? largest(latest, most) : [];
    rows.forEach(({ row, glyph, bar, share }, i) => {
      const token = best[i];
      row.ariaHidden = String(token === undefined);
      if (token === undefined || !latest) {
        row.removeAttribute('aria-label');
        glyph.textContent = '';
        share.textContent = '';
        bar.style.width = '0';
        return;
      }
      const look = lookOf(vocabulary()[token]);
      glyph.textContent = look.glyph;
      glyph.classList.toggle('strange', look.strange);
      bar.style.width = `${100 * latest[token]}%`;
      share.textContent = latest[token] < 0.005 ? '< 1 %' : percent(latest[token]);
      row.setAttribute('aria-label', `${look.name}: ${percent(latest[token])}`);
    });
  });
  paint();
  return {
    show(prediction) {
      latest = prediction;
      paint();
    },
    clear() {
      latest = undefined;
      paint();
    },
  };
}

/** The places of the largest values, largest first. */
export function largest(values: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (best.length === count && values[i] <= values[best[count - 1]]) continue;
    let place = best.length;
    while (place > 0 && values[best[place - 1]] < values[i]) place--;
    best.splice(place, 0, i);
    if (best.length > count) best.pop();
  }
  return best;
}
