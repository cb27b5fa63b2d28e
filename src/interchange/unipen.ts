import type { Point } from '../encoders/strokes.js';
import { expectOptions, expectText, InputError } from '../errors.js';
import { type Ink, readNumber, readPositive, usualRate } from './ink.js';

export interface UnipenOptions {
  /** The text of an included file, by its path as it stands there; without it, an include is an error. */
  readonly include?: (path: string) => string;
}

/** The points of one time that the pen was down. */
type Component = Point[];

interface Segment {
  readonly level: string;
  readonly strokes: string;
  readonly label: string | undefined;
  readonly note?: string;
}

/**
 * The segments of a UNIPEN 1.0 file (Guyon et al. 1994), each with the strokes that it names: `3`, `3-5`, `3,7-8`, or parts of them,
 * `3:10-4:2`, counted from 0 over the file and what it includes. y is turned to grow downward. Times are those of the column T; without
 * one, those of `.POINTS_PER_SECOND`, or 100 points a second, and `.DT` (milliseconds) while the pen is up. Other columns, and points
 * in the air, are left out.
 *
 * @param text with or without a byte order mark; lines end as on any machine
 * @throws InputError naming the line
 * @throws ConfigError at an option that there is not
 */
export function fromUnipen(text: string, options: UnipenOptions = {}): Ink[] {
  expectText(text, 'a UNIPEN file');
  expectOptions(options, ['include']);
  const components: Component[] = [];
  const segments: Segment[] = [];
  let columns = ['X', 'Y'];
  let rate = usualRate;
  let files = 0;
  let time = 0;

  const readPoints = (lines: readonly string[], where: string): void => {
    const cells = lines.join(' ').trim();
    if (cells === '') return;
    const numbers = cells.split(/\s+/).map(cell => readNumber(cell, where));
    const width = columns.length;
    if (numbers.length % width !== 0)
      throw new InputError(`Expected ${where} to be rows of ${columns.join(' ')}, got ${numbers.length} numbers`);
    const [x, y, t] = ['X', 'Y', 'T'].map(name => columns.indexOf(name));
    const points: Component = [];
    for (let at = 0; at < numbers.length; at += width) {
      if (t < 0) time += 1000 / rate;
      else time = numbers[at + t];
      points.push({ x: numbers[at + x], y: 0 - numbers[at + y], time, up: at + width === numbers.length });
    }
    components.push(points);
  };

  const read = (whole: string, file: string, depth: number): void => {
    for (const { keyword, rest, lines, where } of statements(whole, file)) {
      switch (keyword) {
        case 'INCLUDE': {
          if (options.include === undefined) throw new InputError(`Expected ${where} to be read by include, got none`);
          if (depth === mostIncludes) throw new InputError(`Expected at most ${mostIncludes} includes within another`);
          if (++files > mostFiles) throw new InputError(`Expected at most ${mostFiles} includes, got more`);
          read(options.include(rest), rest, depth + 1);
          break;
        }
        case 'COORD':
          columns = rest.split(/\s+/);
          if (!columns.includes('X') || !columns.includes('Y'))
            throw new InputError(`Expected ${where} to name X and Y, got ${rest}`);
          break;
        case 'POINTS_PER_SECOND':
          rate = readPositive(rest.split(/\s+/)[0], where);
          break;
        case 'DT':
          time += readNumber(rest, where);
          break;
        case 'PEN_DOWN':
          readPoints([rest, ...lines], where);
          break;
        case 'SEGMENT':
          segments.push(readSegment([rest, ...lines].join(' '), where));
          break;
        case 'COMMENT': {
          const last = segments.length - 1;
          if (last >= 0 && segments[last].note === undefined) segments[last] = { ...segments[last], note: rest };
          break;
        }
      }
    }
  };

  read(text, 'the file', 0);
  const most = components.reduce((sum, { length }) => sum + length, 0);
  let named = 0;
  return segments.map(({ level, strokes, label, note }) => {
    const points = pointsOf(strokes, components, most);
    named += points.length;
    if (named > mostNamed * most)
      throw new InputError(
        `Expected segments to name each point at most ${mostNamed} times, got more than that of all`,
      );
    return { ...(label === undefined ? {} : { label }), level, ...(note ? { note } : {}), points };
  });
}

const mostIncludes = 8;
const mostFiles = 1024;
/** Once for each level of the hierarchy is usual. */
const mostNamed = 16;

interface Statement {
  readonly keyword: string;
  /** What stands beside the keyword. */
  readonly rest: string;
  /** The lines below it. */
  readonly lines: readonly string[];
  readonly where: string;
}

function statements(text: string, file: string): Statement[] {
  const found: { keyword: string; rest: string; lines: string[]; where: string }[] = [];
  const lines = text.replace(/^\ufeff/, '').split(/\r\n?|\n/);
  lines.forEach((line, i) => {
    const match = /^\.([A-Z_0-9]+)/.exec(line);
    if (match) {
      const rest = line.slice(match[0].length).trim();
      found.push({ keyword: match[1], rest, lines: [], where: `line ${i + 1} of ${file}` });
    } else found.at(-1)?.lines.push(line);
  });
  return found;
}

function readSegment(text: string, where: string): Segment {
  const match = /^(\S+)\s+(\S+)(?:\s+([^\s"]+))?(?:\s+"(.*)")?\s*$/.exec(text.trim());
  if (!match) throw new InputError(`Expected ${where} to be .SEGMENT level strokes quality "label", got ${text}`);
  return { level: match[1], strokes: match[2], label: match[4] };
}

/** The points of named components, `most` at most; each begins a stroke, and the last of each ends it. */
function pointsOf(strokes: string, components: readonly Component[], most: number): Point[] {
  const wrong = (): InputError =>
    new InputError(`Expected strokes of a segment to be among 0 to ${components.length - 1}, got ${strokes}`);
  let count = 0;
  return strokes.split(',').flatMap(part => {
    const match = /^(\d+)(?::(\d+))?(?:-(\d+)(?::(\d+))?)?$/.exec(part);
    if (!match) throw wrong();
    const first = Number(match[1]);
    const last = match[3] === undefined ? first : Number(match[3]);
    if (!(first <= last && last < components.length)) throw wrong();
    const points = components.slice(first, last + 1).flatMap((component, i) => {
      const from = i === 0 && match[2] !== undefined ? Number(match[2]) : 0;
      const to = first + i === last && match[4] !== undefined ? Number(match[4]) + 1 : component.length;
      return component.slice(from, to).map((point, j, all) => ({ ...point, up: j === all.length - 1 }));
    });
    count += points.length;
    if (count > most)
      throw new InputError(`Expected a segment to name each point once, got more than the ${most} of the file`);
    return points;
  });
}
