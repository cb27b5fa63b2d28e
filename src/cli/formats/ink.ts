import { createStrokes, type Point, type StrokesConfig } from '../../encoders/strokes.js';
import { InputError } from '../../errors.js';
import { isMissing, numbered, numberOf, type Row, show } from './format.js';
import type { Format, Frame } from './formats.js';

/**
 * Pen points as rows of features, by the encoder of the network: of rows with the columns `x`, `y`, `time` (milliseconds), `up` (the pen
 * leaves after it: true or 1) and, where there is one, `pressure`. A point makes no row, one or many.
 *
 * @param points a format of rows
 */
export function createInkFormat(points: Format, config: StrokesConfig): Format {
  const encoder = createStrokes(config);
  const columns = numbered(encoder.input.size);
  let state = encoder.initial();

  const pointOf = ({ cells }: Row): Point => {
    const names = points.columns ?? [];
    const cell = (name: string): unknown => cells[names.indexOf(name)];
    const number = (name: string): number => {
      const value = numberOf(cell(name));
      if (value === undefined || Number.isNaN(value))
        throw new InputError(`expected ${name} of a point to be a number, got ${show(cell(name))}`);
      return value;
    };
    const pressure = isMissing(cell('pressure')) ? {} : { pressure: number('pressure') };
    return { x: number('x'), y: number('y'), time: number('time'), ...pressure, up: isTrue(cell('up')) };
  };
  const take = (frame: Frame): readonly Frame[] => {
    if (typeof frame === 'number') return [{ line: 1, malformed: 'expected points in rows, got text' }];
    if ('malformed' in frame) return [frame];
    try {
      const encoded = encoder.encode(state, [pointOf(frame)]);
      state = encoded.state;
      return encoded.inputs.map(input => ({ line: frame.line, cells: Array.from(input) }));
    } catch (error) {
      if (error instanceof InputError) return [{ line: frame.line, malformed: error.message }];
      throw error;
    }
  };
  return {
    get name() {
      return points.name;
    },
    columns,
    read: chunk => points.read(chunk).flatMap(take),
    end: () => [
      ...points.end().flatMap(take),
      ...encoder.finish(state).map(input => ({ line: 0, cells: Array.from(input) })),
    ],
  };
}

function isTrue(cell: unknown): boolean {
  const text = String(cell).trim().toLowerCase();
  if (text === 'true' || text === '1') return true;
  if (cell === undefined || text === 'false' || text === '0') return false;
  throw new InputError(`expected up of a point to be true or false, got ${show(cell)}`);
}
