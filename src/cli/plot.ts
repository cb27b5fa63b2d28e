import type { Epoch } from '../training/fit.js';

const [width, height, left, bottom, margin] = [640, 360, 56, 40, 16];

/** The loss of each epoch as a drawing: learned, and in validation, with a mark at the best. */
export function lossPlot(epochs: readonly Epoch[]): string {
  const learned = epochs.map(({ number, loss }) => [number, loss] as const);
  const judged = epochs.flatMap(({ number, validation }) => (validation ? [[number, validation.loss] as const] : []));
  const values = [...learned, ...judged].map(([, loss]) => loss).filter(Number.isFinite);
  const most = values.reduce((one, other) => Math.max(one, other), 1e-9);
  const least = values.reduce((one, other) => Math.min(one, other), 0);
  const last = Math.max(epochs.length, 2);
  const x = (number: number): number => left + ((width - left - margin) * (number - 1)) / (last - 1);
  const y = (loss: number): number => height - bottom - ((height - bottom - margin) * (loss - least)) / (most - least);
  const at = (number: number, loss: number): string => `${x(number).toFixed(1)},${y(loss).toFixed(1)}`;
  const line = (points: readonly (readonly [number, number])[], color: string): string =>
    `<polyline fill="none" stroke="${color}" stroke-width="2" points="${points
      .filter(([, loss]) => Number.isFinite(loss))
      .map(([number, loss]) => at(number, loss))
      .join(' ')}"/>`;
  const text = (px: number, py: number, words: string, more = ''): string =>
    `<text x="${px.toFixed(1)}" y="${py.toFixed(1)}"${more}>${words}</text>`;

  const levels = Array.from({ length: 5 }, (_, i) => least + ((most - least) * i) / 4);
  const best = epochs.filter(epoch => epoch.best && epoch.validation).at(-1);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#444">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...levels.flatMap(level => [
      `<line x1="${left}" x2="${width - margin}" y1="${y(level).toFixed(1)}" y2="${y(level).toFixed(1)}" stroke="#ddd"/>`,
      text(left - 6, y(level) + 4, level.toPrecision(3), ' text-anchor="end"'),
    ]),
    text(left, height - 22, '1'),
    text(width - margin, height - 22, `epoch ${epochs.length}`, ' text-anchor="end"'),
    line(learned, '#1f77b4'),
    text(left, height - 6, 'loss, nats: learned', ' fill="#1f77b4"'),
    ...(judged.length > 0
      ? [line(judged, '#d62728'), text(left + 130, height - 6, 'in validation', ' fill="#d62728"')]
      : []),
    ...(best
      ? [
          `<circle cx="${x(best.number).toFixed(1)}" cy="${y(best.validation!.loss).toFixed(1)}" r="4" fill="#d62728"/>`,
          text(left + 220, height - 6, `best: epoch ${best.number}, ${best.validation!.loss.toPrecision(4)}`),
        ]
      : []),
    '</svg>',
  ].join('\n')}\n`;
}
