import { expectText, InputError } from '../errors.js';
import { type Ink, usualRate } from './ink.js';

/**
 * The drawings of the Quick, Draw! data set, one JSON a line: `word`, and `drawing`, strokes of [x, …], [y, …] and, in the raw files,
 * [milliseconds, …]; the simplified ones have 100 points a second here, strokes one after the other.
 *
 * @throws InputError naming the line
 */
export function fromQuickDraw(text: string): Ink[] {
  expectText(text, 'drawings, one JSON a line');
  return text.split(/\r?\n/).flatMap((line, i): Ink[] => {
    if (line.trim() === '') return [];
    const wrong = (wanted: string): InputError => new InputError(`Expected line ${i + 1} to ${wanted}`);
    let record: { word?: unknown; drawing?: unknown } | null;
    try {
      record = JSON.parse(line.replace(/^\ufeff/, ''));
    } catch {
      throw wrong('be JSON');
    }
    const { word, drawing } = record ?? {};
    if (!Array.isArray(drawing)) throw wrong('have a drawing, a list of strokes');
    let time = 0;
    const points = drawing.flatMap((stroke: unknown) => {
      const [xs, ys, times] = Array.isArray(stroke) ? stroke : [];
      const length = Array.isArray(xs) ? xs.length : 0;
      const lists = [xs, ys, ...(times === undefined ? [] : [times])];
      const fits = (list: unknown): boolean =>
        Array.isArray(list) && list.length === length && list.every(value => Number.isFinite(value));
      if (length === 0 || !lists.every(fits)) throw wrong('have strokes of as many x as y (and times), numbers');
      return Array.from({ length }, (_, j) => {
        time = times === undefined ? time + 1000 / usualRate : times[j];
        return { x: xs[j], y: ys[j], time, up: j === length - 1 };
      });
    });
    return [{ ...(typeof word === 'string' ? { label: word } : {}), points }];
  });
}
