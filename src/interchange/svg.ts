import type { Point } from '../encoders/strokes.js';
import { InputError, kindOf } from '../errors.js';

/** Ink as the data of an SVG path, to tenths: each stroke a line that bends at its points, without corners. */
export function svgPath(points: readonly Point[]): string {
  expectPoints(points);
  let data = '';
  let first = true;
  for (const [i, { x, y, up }] of points.entries()) {
    const next = points.at(i + 1);
    if (first) data += `M${place(x, y)}`;
    // A dot is a line of no length.
    if (up || next === undefined) data += `L${place(x, y)}`;
    else if (!first) data += `Q${place(x, y)} ${place((x + next.x) / 2, (y + next.y) / 2)}`;
    first = up;
  }
  return data;
}

function place(x: number, y: number): string {
  return `${tenths(x)} ${tenths(y)}`;
}

/** What holds ink, with a margin: left, top, width and height, as a view box has them. */
export function inkFrame(points: readonly Point[], margin: number): [number, number, number, number] {
  expectPoints(points);
  const [xs, ys] = [points.map(point => point.x), points.map(point => point.y)];
  const least = (of: readonly number[]): number => of.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const most = (of: readonly number[]): number => of.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (points.length === 0) return [-margin, -margin, 2 * margin, 2 * margin];
  const [left, top] = [least(xs) - margin, least(ys) - margin];
  return [left, top, most(xs) + margin - left, most(ys) + margin - top];
}

/** Ink as an SVG document, in the colour of what it stands in. */
export function inkSvg(points: readonly Point[], width = 7): string {
  const [left, top, across, down] = inkFrame(points, 2 * width).map(tenths);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${left} ${top} ${across} ${down}" width="${across}" height="${down}">` +
    `<path d="${svgPath(points)}" fill="none" stroke="currentColor" stroke-width="${width}" ` +
    'stroke-linecap="round" stroke-linejoin="round"/></svg>\n'
  );
}

function tenths(value: number): number {
  return Math.round(10 * value) / 10 + 0;
}

/** @throws InputError if they are not a list of points */
function expectPoints(points: unknown): void {
  const isPoint = (point: Point | null): boolean => typeof point?.x === 'number' && typeof point.y === 'number';
  if (!Array.isArray(points)) throw new InputError(`Expected a list of points, got ${kindOf(points)}`);
  const wrong = points.findIndex(point => !isPoint(point));
  if (wrong >= 0) throw new InputError(`Expected point ${wrong} to be { x, y, up }, got ${kindOf(points[wrong])}`);
}
