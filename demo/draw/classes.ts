import { percent } from '../parts/numbers.js';
import { createPainter } from '../parts/paint.js';

/** How likely each class is, as bars in a fixed order, so that they can be watched as they move. */
export function createClasses(list: HTMLElement): {
  show(prediction: Float32Array | undefined, names: readonly string[]): void;
} {
  let rows: { row: HTMLLIElement; name: HTMLElement; bar: HTMLElement; share: HTMLElement }[] = [];
  let latest: Float32Array | undefined;
  let known: readonly string[] = [];

  const paint = createPainter(() => {
    while (rows.length < known.length) {
      const row = document.createElement('li');
      row.innerHTML =
        '<span class="glyph"></span><span class="track"><span class="bar"></span></span><span class="share"></span>';
      const [name, , bar, share] = row.querySelectorAll('span');
      rows.push({ row, name, bar, share });
      list.append(row);
    }
    for (const { row } of rows.slice(known.length)) row.remove();
    rows = rows.slice(0, known.length);
    const best = latest ? latest.indexOf(Math.max(...latest.subarray(0, known.length))) : -1;
    rows.forEach(({ row, name, bar, share }, i) => {
      const value = latest?.[i] ?? 0;
      name.textContent = known[i];
      bar.style.width = `${100 * value}%`;
      share.textContent = latest === undefined ? '' : value < 0.005 ? '< 1 %' : percent(value);
      row.classList.toggle('best', i === best);
      row.setAttribute('aria-label', latest ? `${known[i]}: ${percent(value)}` : known[i]);
    });
  });
  return {
    show(prediction, names) {
      latest = prediction;
      known = names;
      paint();
    },
  };
}
