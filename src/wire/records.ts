import { WireError } from '../errors.js';
import { isUnsigned, uint32, uint64 } from './fast-writer.js';
import { enumOf, type Field, fieldsOf, type Plain } from './schema.js';
import { shapes } from './shapes.js';

/** Who wrote a message: a client's unknown enum value and non-finite number are refused, a server's are let through. */
export type Sender = 'client' | 'server';

/** The record of a message that the generated module or the JSON form gave. Throws `WireError`. */
export function toRecord(message: string, plain: Plain, sender: Sender): unknown {
  const fields: Plain = {};
  for (const field of fieldsOf(message)) {
    const value = Object.hasOwn(plain, field.name) ? plain[field.name] : undefined;
    if (field.repeated) {
      fields[field.name] = ((value ?? []) as readonly unknown[]).map(item => readValue(field, item, sender));
    } else if (value !== undefined && value !== null) {
      const read = readValue(field, value, sender);
      if (read !== undefined) {
        fields[field.name] = read;
      }
    } else if (field.type === 'enum') {
      if (field.ref === 'FaultCode') {
        fields[field.name] = 'unspecified';
      }
    } else if (field.type !== 'message' && !field.optional && !field.oneof) {
      fields[field.name] = defaults[field.type];
    }
  }
  return shapes[message]?.fromFields(fields) ?? (shapes[message] ? null : fields);
}

/** The fields of a record, for the generated module (`plain` false) or the JSON form (true). Throws `WireError`. */
export function toPlain(message: string, record: unknown, plain: boolean): Plain {
  const source = (shapes[message]?.toFields(record, plain) ?? record) as Plain;
  const fields: Plain = {};
  for (const field of fieldsOf(message)) {
    const value = source[field.name];
    if (value === undefined || value === null) {
      continue;
    }
    fields[field.name] = field.repeated
      ? Array.from(value as Iterable<unknown>, item => writeValue(field, item, plain))
      : writeValue(field, value, plain);
  }
  return fields;
}

const defaults = {
  uint32: 0,
  uint64: 0,
  float: 0,
  double: 0,
  bool: false,
  string: '',
  bytes: new Uint8Array(0),
} as const;

function readValue(field: Field, value: unknown, sender: Sender): unknown {
  switch (field.type) {
    case 'message':
      return toRecord(field.ref!, value as Plain, sender);
    case 'enum':
      return readEnum(field, value as number | string, sender);
    case 'uint64':
      return readUint64(field, value as number | LongBits);
    case 'float':
    case 'double':
      return readFloat(field, value as number, sender);
    case 'bytes':
      return new Uint8Array(value as Uint8Array);
    default:
      return value;
  }
}

interface LongBits {
  readonly low: number;
  readonly high: number;
}

function readUint64(field: Field, value: number | LongBits): number {
  const number = typeof value === 'number' ? value : (value.high >>> 0) * 2 ** 32 + (value.low >>> 0);
  if (!Number.isSafeInteger(number)) {
    throw new WireError(`Expected ${field.name} to be at most 2^53 - 1, got ${number}`, 'invalid');
  }
  return number;
}

function readEnum(field: Field, value: number | string, sender: Sender): string | undefined {
  const { shortNames, fullNames } = enumOf(field.ref!);
  const short = shortNames.get(value as number);
  if (short === undefined && sender === 'client') {
    const names = [...fullNames.values()].filter(name => !name.endsWith('_UNSPECIFIED')).join(', ');
    const got = JSON.stringify(value).slice(0, 100);
    throw new WireError(`Expected ${field.name} to be one of ${names}, got ${got}`, 'invalid');
  }
  return value === 0 || short === undefined ? (field.ref === 'FaultCode' ? 'unspecified' : undefined) : short;
}

/** Lists of numbers are rows and vectors, where NaN may mean missing: the session judges those. */
function readFloat(field: Field, value: number, sender: Sender): number {
  if (sender === 'client' && !field.repeated && !Number.isFinite(value)) {
    throw new WireError(`Expected ${field.name} to be finite, got ${value}`, 'invalid');
  }
  return value;
}

function writeValue(field: Field, value: unknown, plain: boolean): unknown {
  switch (field.type) {
    case 'message':
      return toPlain(field.ref!, value, plain);
    case 'enum':
      return enumOf(field.ref!).numbers.get(value as string) ?? refuse(field, `one of ${field.ref}`, value);
    case 'uint32':
      return isUnsigned(value, uint32) ? value : refuse(field, 'a whole number from 0 to 2^32 - 1', value);
    case 'uint64':
      return isUnsigned(value, uint64) ? value : refuse(field, 'a whole number from 0 to 2^53 - 1', value);
    case 'float':
      return Math.fround(value as number);
    case 'string':
      return typeof value === 'string' ? value.replace(halfCharacter, '\ufffd') : value;
    default:
      return value;
  }
}

/** Half a surrogate pair without its other half: UTF-8 has none, and who reads a message refuses it. */
const halfCharacter = /\p{Surrogate}/gu;

function refuse(field: Field, expected: string, got: unknown): never {
  throw new WireError(`Expected ${field.name} to be ${expected}, got ${String(got)}`, 'invalid');
}
