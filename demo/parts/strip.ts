import type { Subscription } from 'rxjs';
import { createPainter } from './paint.js';
import { onResize } from './size.js';
import { onThemeChange, readTheme } from './theme.js';

export interface Strip {
  /** One more column, on the right, and what to write below it. */
  push(values: Float32Array, label?: string): void;
  clear(): void;
}

/** In CSS pixels: what labels take below the picture, and what one needs to be read. */
const labelHeight = 18;
const labelWidth = 6;

/** A moving picture of vectors with entries from −1 to 1: one row an entry, one column a moment. */
export function createStrip(canvas: HTMLCanvasElement, rows: number, columns: number, life: Subscription): Strip {
  const history = new Float32Array(rows * columns);
  const known = new Uint8Array(columns);
  const labels: string[] = new Array(columns).fill('');
  let labelled = false;
  let next = 0;
  const context = canvas.getContext('2d')!;
  const small = document.createElement('canvas');
  small.width = columns;
  small.height = rows;
  const smallContext = small.getContext('2d')!;
  const image = smallContext.createImageData(columns, rows);

  const paint = createPainter(() => {
    const { cold, zero, warm, faint } = readTheme();
    for (let x = 0; x < columns; x++) {
      const column = (next + x) % columns;
      for (let y = 0; y < rows; y++) {
        const value = history[column * rows + y];
        const end = value < 0 ? cold : warm;
        const share = Math.min(1, Math.abs(value));
        const at = 4 * (y * columns + x);
        for (let c = 0; c < 3; c++) image.data[at + c] = zero[c] + (end[c] - zero[c]) * share;
        image.data[at + 3] = known[column] * 255;
      }
    }
    smallContext.putImageData(image, 0, 0);

    const ratio = devicePixelRatio;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    context.scale(ratio, ratio);
    context.imageSmoothingEnabled = false;
    const step = width / columns;
    const written = labelled && step >= labelWidth;
    context.drawImage(small, 0, 0, width, written ? height - labelHeight : height);
    if (!written) return;
    context.fillStyle = faint;
    context.font = '10.5px ui-monospace, Menlo, Consolas, monospace';
    context.textAlign = 'center';
    for (let x = 0; x < columns; x++) {
      context.fillText(labels[(next + x) % columns], (x + 0.5) * step, height - 5);
    }
  });
  onThemeChange(paint, life);
  onResize(canvas, paint, life);
  return {
    push(values, label = '') {
      history.set(values.subarray(0, rows), next * rows);
      labels[next] = label;
      labelled ||= label !== '';
      known[next] = 1;
      next = (next + 1) % columns;
      paint();
    },
    clear() {
      known.fill(0);
      labels.fill('');
      paint();
    },
  };
}
