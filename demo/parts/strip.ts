import { createPainter } from './paint.js';
import { onThemeChange, readTheme } from './theme.js';

export interface Strip {
  /** One more column, on the right. */
  push(values: Float32Array): void;
  clear(): void;
}

/** A moving picture of vectors with entries from −1 to 1: one row an entry, one column a moment. */
export function createStrip(canvas: HTMLCanvasElement, rows: number, columns: number): Strip {
  const history = new Float32Array(rows * columns);
  const known = new Uint8Array(columns);
  const context = canvas.getContext('2d', { alpha: true })!;
  canvas.width = columns;
  canvas.height = rows;
  const image = context.createImageData(columns, rows);
  let next = 0;

  const paint = createPainter(() => {
    const { cold, zero, warm } = readTheme();
    for (let x = 0; x < columns; x++) {
      const column = (next + x) % columns;
      for (let y = 0; y < rows; y++) {
        const value = history[column * rows + y];
        const end = value < 0 ? cold : warm;
        // Half of the range has three quarters of the colour: h(t) is seldom near ±1.
        const share = Math.sqrt(Math.min(1, Math.abs(value)));
        const at = 4 * (y * columns + x);
        for (let c = 0; c < 3; c++) image.data[at + c] = zero[c] + (end[c] - zero[c]) * share;
        image.data[at + 3] = known[column] * 255;
      }
    }
    context.putImageData(image, 0, 0);
  });
  onThemeChange(paint);
  return {
    push(values) {
      history.set(values.subarray(0, rows), next * rows);
      known[next] = 1;
      next = (next + 1) % columns;
      paint();
    },
    clear() {
      known.fill(0);
      paint();
    },
  };
}
