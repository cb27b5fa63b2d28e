import { percent } from '../parts/numbers.js';
import { createPainter } from '../parts/paint.js';
import { lookOf } from './characters.js';

const most = 8;

/** The likeliest next bytes as bars, the likeliest first. */
export function createBars(list: HTMLElement): { show(prediction: Float32Array): void; clear(): void } {
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
      const byte = best[i];
      row.classList.toggle('empty', byte === undefined);
      if (byte === undefined || !latest) {
        glyph.textContent = '';
        share.textContent = '';
        bar.style.width = '0';
        return;
      }
      const look = lookOf(byte);
      glyph.textContent = look.glyph;
      glyph.classList.toggle('strange', look.strange);
      bar.style.width = `${100 * latest[byte]}%`;
      share.textContent = latest[byte] < 0.005 ? '< 1 %' : percent(latest[byte]);
      row.setAttribute('aria-label', `${look.name}: ${percent(latest[byte])}`);
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
