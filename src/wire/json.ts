/** The JSON form of a message, as proto3 has it (protobuf.dev, "ProtoJSON format"), with 64-bit numbers unquoted. */
import { WireError } from '../errors.js';
import { isUnsigned, uint32, uint64 } from './fast-writer.js';
import { shortestFloat } from './floats.js';
import { enumOf, type Field, fieldsOf, type Plain } from './schema.js';

/** The fields of a message that JSON gave; both `firstSeq` and `first_seq` are read, what is unknown is passed over. */
export function fromJson(message: string, json: unknown, name = message): Plain {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw invalid(name, 'an object', json);
  }
  const plain: Plain = {};
  const groups = new Set<string>();
  for (const field of fieldsOf(message)) {
    const value = ownValue(json as Plain, field);
    if (value === undefined || value === null) {
      continue;
    }
    if (field.oneof !== undefined) {
      if (groups.has(field.oneof)) {
        throw new WireError(`Expected one ${field.oneof} in ${message}, got ${field.name} besides another`, 'invalid');
      }
      groups.add(field.oneof);
    }
    if (field.repeated) {
      if (!Array.isArray(value)) {
        throw invalid(field.name, 'a list', value);
      }
      plain[field.name] = value.map(item => readValue(field, item));
    } else {
      plain[field.name] = readValue(field, value);
    }
  }
  return plain;
}

/** The JSON form of the fields of a message: names in lowerCamelCase, enums by their full name, what is default left out. */
export function toJson(message: string, plain: Plain): Plain {
  const json: Plain = {};
  for (const field of fieldsOf(message)) {
    const value = plain[field.name];
    if (value === undefined || (field.repeated && (value as unknown[]).length === 0) || isDefault(field, value)) {
      continue;
    }
    json[field.name] = field.repeated
      ? (value as unknown[]).map(item => writeValue(field, item))
      : writeValue(field, value);
  }
  return json;
}

function isDefault(field: Field, value: unknown): boolean {
  return !field.optional && !field.oneof && (value === false || value === '' || Object.is(value, 0));
}

function ownValue(json: Plain, field: Field): unknown {
  const camel = Object.hasOwn(json, field.name) ? json[field.name] : undefined;
  if (field.proto === field.name || !Object.hasOwn(json, field.proto)) {
    return camel;
  }
  if (camel !== undefined) {
    throw new WireError(`Expected ${field.name} once, got ${field.proto} as well`, 'invalid');
  }
  return json[field.proto];
}

function readValue(field: Field, value: unknown): unknown {
  switch (field.type) {
    case 'message':
      return fromJson(field.ref!, value, field.name);
    case 'enum':
      return readEnum(field, value);
    case 'uint32':
      return readUnsigned(field, value, uint32);
    case 'uint64':
      return readUnsigned(field, value, uint64);
    case 'float':
    case 'double':
      return readFloat(field, value);
    case 'bytes':
      return readBytes(field, value);
    case 'bool':
      return typeof value === 'boolean' ? value : fail(field, 'true or false', value);
    default:
      return typeof value === 'string' ? value : fail(field, 'text', value);
  }
}

function readUnsigned(field: Field, value: unknown, largest: number): number {
  const number = typeof value === 'string' && /^\d{1,20}$/.test(value) ? Number(value) : value;
  // JSON can say −0, and protobuf cannot.
  return isUnsigned(number, largest) ? number + 0 : fail(field, `a whole number from 0 to ${largest}`, value);
}

const named: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

/** null in a list is a missing reading. */
function readFloat(field: Field, value: unknown): number {
  if (typeof value === 'number') {
    return field.type === 'float' ? Math.fround(value) : value;
  }
  if (value === null && field.repeated) {
    return Number.NaN;
  }
  if (typeof value === 'string' && /^-?\d{1,40}(\.\d{1,40})?([eE][-+]?\d{1,4})?$/.test(value)) {
    return readFloat(field, Number(value));
  }
  return named.get(value) ?? fail(field, 'a number', value);
}

/** An unknown name stays as it is: records treat it as they treat an unknown number. */
function readEnum(field: Field, value: unknown): number | string {
  if (typeof value === 'number' && Number.isInteger(value)) {
    return value;
  }
  if (typeof value !== 'string') {
    return fail(field, `a value of ${field.ref}`, value);
  }
  return enumOf(field.ref!).numbers.get(value) ?? value;
}

function readBytes(field: Field, value: unknown): Uint8Array {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) {
    return fail(field, 'base64', value);
  }
  const standard = value.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/');
  if (standard.length % 4 === 1) {
    return fail(field, 'base64', value);
  }
  return Uint8Array.from(atob(standard), character => character.charCodeAt(0));
}

function writeValue(field: Field, value: unknown): unknown {
  switch (field.type) {
    case 'message':
      return toJson(field.ref!, value as Plain);
    case 'enum':
      return enumOf(field.ref!).fullNames.get(value as number);
    case 'float':
      return writeFloat(value as number);
    case 'double':
      return writeFloat(value as number, number => number);
    case 'bytes':
      return writeBytes(value as Uint8Array);
    default:
      return value;
  }
}

/** A float32 that reads back as the same bits. JSON has no NaN, no infinities, and JSON.stringify no negative zero: those are quoted. */
export function writeFloat(value: number, shortest = shortestFloat): number | string {
  return Number.isFinite(value) ? (Object.is(value, -0) ? '-0' : shortest(value)) : String(value);
}

function writeBytes(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 4096) {
    text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return btoa(text);
}

function invalid(name: string, expected: string, got: unknown): WireError {
  const found =
    typeof got === 'string' ? JSON.stringify(got.slice(0, 40)) : Array.isArray(got) ? 'a list' : String(got);
  return new WireError(`Expected ${name} to be ${expected}, got ${found}`, 'invalid');
}

function fail(field: Field, expected: string, got: unknown): never {
  throw invalid(field.name, expected, got);
}
