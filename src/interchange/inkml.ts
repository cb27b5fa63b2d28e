import { SaxesParser } from 'saxes';
import type { Point } from '../encoders/strokes.js';
import { expectText, InputError } from '../errors.js';
import { type Ink, readNumber, readPositive, usualRate } from './ink.js';
import { type Channel, decodeTrace } from './inkml-trace.js';

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

/** How traces are to be read; what is left out is as usual. */
interface Format {
  readonly channels?: readonly Channel[];
  /** Points a second. */
  readonly rate?: number;
}

/**
 * The ink of an InkML document (W3C 2011): the traces of a group are one, as are those that stand in no group. y grows downward, as there.
 *
 * Channels X, Y, T and F are read (F is pressure where the document says its most), others passed over; without T, times are the trace's
 * offset and the source's sample rate, or 100 points a second. Traces in the air are left out. The label is the group's annotation
 * `truth`, or what a recognizer said of it first.
 *
 * @param text with or without a byte order mark; elements in any namespace, with any prefix
 * @throws InputError if it is no well-formed XML, no InkML, or a trace does not fit its format
 */
export function fromInkml(text: string): Ink[] {
  expectText(text, 'an InkML document');
  const root = parse(text);
  if (root.name !== 'ink') throw new InputError(`Expected an InkML document, <ink>, got <${root.name}>`);
  const known = new Map<string, Format>();
  const inks: Ink[] = [];
  let current: Format = {};

  /** What an element and those within it say of the format, and what they refer to. */
  const formatOf = (element: Element): Format => {
    const { name, attributes, children } = element;
    let format: Format = {};
    for (const [attribute, target] of Object.entries(attributes))
      if (attribute.endsWith('Ref')) format = { ...format, ...known.get(target.replace(/^#/, '')) };
    for (const child of children) format = { ...format, ...formatOf(child) };
    if (name === 'traceFormat') format = { ...format, channels: channelsOf(element) };
    if (name === 'sampleRate') format = { ...format, rate: readPositive(attributes.value ?? '', 'a sample rate') };
    if (attributes.id !== undefined) known.set(attributes.id, format);
    return format;
  };

  const gather = (group: Element): void => {
    const points: Point[] = [];
    let open = false;
    for (const element of group.children) {
      if (element.name === 'definitions') for (const child of element.children) formatOf(child);
      else if (element.name === 'context' || element.name === 'traceFormat')
        current = { ...current, ...formatOf(element) };
      else if (element.name === 'traceGroup') gather(element);
      else if (element.name === 'trace' && element.attributes.type !== 'penUp') {
        const { contextRef = '', continuation } = element.attributes;
        const format = { ...current, ...known.get(contextRef.replace(/^#/, '')) };
        const trace = pointsOf(element, format);
        const joins = open && (continuation === 'middle' || continuation === 'end');
        if (joins && points.length > 0) points.push({ ...points.pop()!, up: false });
        for (const point of trace) points.push(point);
        open = continuation === 'begin' || continuation === 'middle';
      }
    }
    if (points.length === 0) return;
    const label = labelOf(group);
    inks.push({ ...(label === undefined ? {} : { label }), points });
  };
  gather(root);
  return inks;
}

/** A tree of elements, by their local names. */
function parse(text: string): Element {
  const top: Element = { name: '', attributes: {}, children: [], text: '' };
  const path = [top];
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', error => {
    throw new InputError(`Expected well-formed XML, got ${error.message}`);
  });
  parser.on('opentag', ({ local, attributes }) => {
    const plain = Object.values(attributes).map(attribute => [attribute.local, attribute.value]);
    const element: Element = { name: local, attributes: Object.fromEntries(plain), children: [], text: '' };
    path[path.length - 1].children.push(element);
    path.push(element);
    if (path.length > deepest) throw new InputError(`Expected elements at most ${deepest} deep`);
  });
  parser.on('text', part => {
    path[path.length - 1].text += part;
  });
  parser.on('cdata', part => {
    path[path.length - 1].text += part;
  });
  parser.on('closetag', () => {
    path.pop();
  });
  parser.write(text).close();
  return top.children[0];
}

const deepest = 256;
const mostChannels = 256;

function channelsOf({ children }: Element): Channel[] {
  const all = children
    .flatMap(child => (child.name === 'intermittentChannels' ? child.children : [child]))
    .filter(({ name }) => name === 'channel');
  if (all.length > mostChannels)
    throw new InputError(`Expected a trace format of at most ${mostChannels} channels, got ${all.length}`);
  return all.map(({ attributes }) => ({
    name: attributes.name ?? '',
    ...(attributes.max === undefined ? {} : { most: readNumber(attributes.max, `max of channel ${attributes.name}`) }),
    ...(attributes.units === undefined ? {} : { units: attributes.units }),
    ...(attributes.orientation === '-ve' ? { reversed: true } : {}),
  }));
}

const usualChannels: readonly Channel[] = [{ name: 'X' }, { name: 'Y' }];

function pointsOf({ text, attributes }: Element, { channels = usualChannels, rate = usualRate }: Format): Point[] {
  const places = Object.fromEntries(channels.map(({ name }, i) => [name, i]));
  for (const name of ['X', 'Y'])
    if (places[name] === undefined) throw new InputError(`Expected a trace to have a channel ${name}, got none`);
  const offset = attributes.timeOffset === undefined ? 0 : readNumber(attributes.timeOffset, 'a time offset');
  const force = channels[places.F]?.most;
  const unit = channels[places.T]?.units === 's' ? 1000 : 1;
  const rows = decodeTrace(text, channels);
  const valueIn = (row: readonly (number | undefined)[], name: string): number | undefined => row[places[name] ?? -1];
  return rows.map((row, i) => {
    const [x, y, t, f] = ['X', 'Y', 'T', 'F'].map(name => valueIn(row, name));
    if (x === undefined || y === undefined) throw new InputError(`Expected point ${i + 1} of a trace to have X and Y`);
    const time = t === undefined ? offset + (1000 * i) / rate : t * unit;
    if (![x, y, time].every(Number.isFinite))
      throw new InputError(`Expected point ${i + 1} of a trace to have finite numbers, got ${x} ${y} at ${time}`);
    return {
      x: channels[places.X].reversed ? -x : x,
      y: channels[places.Y].reversed ? -y : y,
      time,
      ...(f === undefined || !force ? {} : { pressure: Math.min(Math.max(f / force, 0), 1) }),
      up: i === rows.length - 1,
    };
  });
}

function labelOf(group: Element): string | undefined {
  const truth = group.children.find(({ name, attributes }) => name === 'annotation' && attributes.type === 'truth');
  if (truth) return truth.text.trim();
  const within = (element: Element): Element[] => [element, ...element.children.flatMap(within)];
  const said = group.children.filter(({ name }) => name === 'annotationXML').flatMap(within);
  return said.find(({ name }) => name === 'literal')?.text.trim();
}
