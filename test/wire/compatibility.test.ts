import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { schema } from '../../src/wire/eddy.generated.js';
import {
  type ClientMessage,
  decodeClient,
  decodeServer,
  encodeClient,
  encodeServer,
  type ServerMessage,
} from '../../src/wire/messages.js';
import { repositoryRoot } from '../helpers/repository.js';
import { faultCodes } from '../helpers/wire-arbitraries.js';

/** Made by test/golden/wire/make.js. */
function recorded(name: string): Record<string, never> {
  return JSON.parse(readFileSync(join(repositoryRoot, 'test/golden/wire', name), 'utf8'), revived);
}

function revived(_key: string, value: unknown): unknown {
  const { float32, bytes, number } = (value ?? {}) as { float32?: string[]; bytes?: number[]; number?: string };
  if (Array.isArray(float32)) return Float32Array.from(float32, Number);
  if (Array.isArray(bytes)) return Uint8Array.from(bytes);
  return typeof number === 'string' ? Number(number) : value;
}

interface Recorded {
  readonly hex: string;
  readonly json: string;
  readonly record: ClientMessage & ServerMessage;
}

/** A message without what v1 has got since, where that is left at its default. */
function asThen(now: unknown, then: unknown): unknown {
  if (Array.isArray(now)) return now.map((item, i) => asThen(item, (then as unknown[])[i]));
  if (typeof now !== 'object' || now === null || ArrayBuffer.isView(now)) return now;
  const known = (then ?? {}) as Record<string, unknown>;
  const kept = Object.entries(now).filter(([name, value]) => name in known || !isDefault(value));
  return Object.fromEntries(kept.map(([name, value]) => [name, asThen(value, known[name])]));
}

function isDefault(value: unknown): boolean {
  return value === 0 || value === false || value === '' || (Array.isArray(value) && value.length === 0);
}

const messages = Object.entries(recorded('messages.json') as Record<string, Recorded>);

for (const [name, { hex, json, record }] of messages) {
  const decode = name.startsWith('client') ? decodeClient : decodeServer;
  const encode = name.startsWith('client') ? encodeClient : encodeServer;

  test(`${name} is read as it was recorded`, t => {
    t.deepEqual(asThen(decode(Buffer.from(hex, 'hex'), true, 'eddy.v1.proto'), record), record);
    t.deepEqual(asThen(decode(json, false, 'eddy.v1.json'), record), record);
  });

  test(`${name} is written as it was recorded`, t => {
    t.is(Buffer.from(encode(record, 'eddy.v1.proto') as Uint8Array).toString('hex'), hex);
    t.deepEqual(JSON.parse(encode(record, 'eddy.v1.json') as string), JSON.parse(json));
  });
}

/** Every place of the schema that these JSON messages use, as `Message.field`. */
function used(message: string, json: object, found: Set<string>): Set<string> {
  for (const [name, value] of Object.entries(json)) {
    const field = schema.messages[message].find(each => each.name === name)!;
    found.add(`${message}.${name}`);
    for (const item of field.repeated ? value : [value]) {
      if (field.type === 'message') used(field.ref!, item, found);
      if (field.type === 'enum') found.add(`${field.ref}.${item}`);
    }
  }
  return found;
}

test('the recorded messages use every field and, but for fault codes, every value of every enum', t => {
  const found = new Set<string>();
  for (const [name, { json }] of messages) {
    used(name.startsWith('client') ? 'ClientMessage' : 'ServerMessage', JSON.parse(json), found);
  }
  const all = Object.entries(schema.messages).flatMap(([message, fields]) =>
    fields.map(({ name }) => `${message}.${name}`),
  );
  const values = Object.entries(schema.enums)
    .filter(([name]) => name !== 'FaultCode')
    .flatMap(([name, each]) => Object.keys(each).map(value => `${name}.${value}`));
  // JSON has plain lists in the place of bytes.
  const onlyBinary = ['Floats.data', 'Rows.data', 'PcmChunk.float32', 'PcmChunk.int16'];
  const missing = [...all, ...values].filter(each => !found.has(each) && !/_UNSPECIFIED$/.test(each));
  t.deepEqual(missing, onlyBinary);
});

/** As test/golden/wire/make.js writes it. */
function table(): Record<string, string> {
  const entries = Object.entries(schema.messages).flatMap(([message, fields]) =>
    fields.map(({ id, name, proto: _, ...rest }) => {
      return [`${message}.${id}`, [name, ...Object.entries(rest).map(pair => pair.join(' '))].join(', ')];
    }),
  );
  const values = Object.entries(schema.enums).flatMap(([name, each]) =>
    Object.entries(each).map(([value, number]) => [`${name}.${number}`, value]),
  );
  return Object.fromEntries([...entries, ...values]);
}

test('every recorded field and value keeps its number, name and type', t => {
  const now = table();
  const then = recorded('schema.json') as Record<string, string>;
  t.deepEqual(Object.fromEntries(Object.keys(then).map(place => [place, now[place]])), then);
});

test('every field and value is recorded', t => {
  const then = recorded('schema.json') as Record<string, string>;
  t.deepEqual(
    Object.keys(table()).filter(place => !(place in then)),
    [],
    'run node test/golden/wire/make.js',
  );
});

test('the fault codes of the records are those of the schema', t => {
  const short = Object.keys(schema.enums.FaultCode).map(name => name.replace('FAULT_CODE_', '').toLowerCase());
  t.deepEqual(short, [...faultCodes]);
});
