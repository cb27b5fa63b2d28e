import type { Subscription } from 'rxjs';
import { createPainter } from '../parts/paint.js';
import { onResize } from '../parts/size.js';
import { onThemeChange, readTheme } from '../parts/theme.js';
import type { Reach } from './probe.js';

/** Powers of ten that are shown, from the greatest down. */
const greatest = 1;
const least = -7;

/**
 * How far back a loss reaches, one bar a step on a logarithmic scale: those within the window, and pale those that truncation cuts.
 *
 * @param columns steps, the newest on the right
 */
export function createReachPlot(
  canvas: HTMLCanvasElement,
  columns: number,
  life: Subscription,
): (reach: Reach | undefined, now: number, window: number) => void {
  const context = canvas.getContext('2d')!;
  let shown: { reach: Reach | undefined; now: number; window: number } = { reach: undefined, now: 0, window: 0 };

  const paint = createPainter(() => {
    const { network, faint, ink } = readTheme();
    const ratio = devicePixelRatio;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    context.scale(ratio, ratio);
    const y = (power: number): number => ((greatest - power) / (greatest - least)) * height;
    context.font = '10.5px system-ui, sans-serif';
    for (let power = greatest - 1; power > least; power -= 2) {
      context.fillStyle = `${faint}33`;
      context.fillRect(0, Math.round(y(power)), width, 1);
    }
    const { reach, now, window } = shown;
    const step = width / columns;
    reach?.norms.forEach((norm, i) => {
      const lag = i + 1;
      const column = columns - 1 - (now - reach.number) - lag;
      if (column < 0 || !(norm > 0)) return;
      const top = Math.max(0, y(Math.log10(norm)));
      if (top >= height) return;
      context.fillStyle = lag < window ? network : `${faint}55`;
      context.fillRect(column * step + 1, top, Math.max(1, step - 2), height - top);
    });
    // Over the bars, which reach the left edge in the end.
    context.fillStyle = ink;
    for (let power = greatest - 1; power > least; power -= 2)
      context.fillText(power === 0 ? '1' : `10${superscript(power)}`, 3, y(power) - 3);
  });
  onThemeChange(paint, life);
  onResize(canvas, paint, life);
  return (reach, now, window) => {
    shown = { reach, now, window };
    paint();
  };
}

function superscript(power: number): string {
  const digits = [...String(Math.abs(power))].map(digit => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]);
  return `${power < 0 ? '⁻' : ''}${digits.join('')}`;
}
