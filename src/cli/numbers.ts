import { shortestFloat } from '../wire/floats.js';

/** A number as a line shows it: no more digits than a float32 has, and JSON's null where it is none. */
export function brief(value: number): number | null {
  if (!Number.isFinite(value)) return null;
  return Number(value.toPrecision(7));
}

/** The shortest decimal that is this float32 again when it is read. */
export function exact(value: number): number | null {
  return Number.isFinite(value) ? shortestFloat(value) : null;
}

/** A float64 as JSON can say it without loss: NaN is null, and −0, which JSON writes as 0, is text. */
export function exactly(value: number): number | string | null {
  if (Number.isNaN(value)) return null;
  return Object.is(value, -0) ? '-0' : value;
}

/** The numbers that `exactly` wrote; undefined if these are not `length` of them. */
export function fromExactly(written: unknown, length: number): Float64Array | undefined {
  if (!Array.isArray(written) || written.length !== length) return undefined;
  const numbers = written.map(one => (one === null ? Number.NaN : one === '-0' ? -0 : one));
  return numbers.every(one => typeof one === 'number') ? Float64Array.from(numbers) : undefined;
}

/** The same plain data as JSON can say it: null for each number that is not finite. */
export function withNulls(data: unknown): unknown {
  return mapNumbers(data, one => (typeof one === 'number' && !Number.isFinite(one) ? null : one));
}

/** What `withNulls` wrote, of data that has no null of its own: each null is NaN. */
export function withNaNs<Data>(data: Data): Data {
  return mapNumbers(data, one => (one === null ? Number.NaN : one)) as Data;
}

function mapNumbers(data: unknown, rule: (one: unknown) => unknown): unknown {
  if (typeof data !== 'object' || data === null) return rule(data);
  if (Array.isArray(data)) return data.map(one => mapNumbers(one, rule));
  return Object.fromEntries(Object.entries(data).map(([name, one]) => [name, mapNumbers(one, rule)]));
}

/** As `1 update`, `2 updates`. */
export function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** As `1 update`, `2,000 updates`: for who looks at long numbers. */
export function countedLong(number: number, what: string): string {
  return `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`;
}
