import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { schema } from '../../src/wire/eddy.generated.js';
import { enumOf, fieldsOf } from '../../src/wire/schema.js';
import { repositoryRoot } from '../helpers/repository.js';

const proto = readFileSync(join(repositoryRoot, 'proto/eddy/v1/stream.proto'), 'utf8');

test('names follow the STANDARD rules of buf', t => {
  t.regex(proto, /^package eddy\.v1;$/m);
  for (const [message, fields] of Object.entries(schema.messages)) {
    t.regex(message, /^([A-Z][a-z0-9]+)+$/);
    for (const { proto: name, oneof } of fields)
      t.regex(`${name} ${oneof ?? ''}`, /^[a-z][a-z0-9]*(_[a-z0-9]+)* ([a-z_]+)?$/);
  }
  for (const [name, values] of Object.entries(schema.enums)) {
    const prefix = `${name.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()}_`;
    t.is(Object.keys(values)[0], `${prefix}UNSPECIFIED`);
    t.is(values[`${prefix}UNSPECIFIED`], 0);
    for (const value of Object.keys(values)) t.true(value.startsWith(prefix) && /^[A-Z0-9_]+$/.test(value), value);
  }
});

test('the table holds every message and enum of the .proto file, with all their numbers', t => {
  const declared = (kind: string) =>
    [...proto.matchAll(new RegExp(`^${kind} (\\w+)`, 'gm'))].map(([, name]) => name).sort();
  t.deepEqual(Object.keys(schema.messages).sort(), declared('message'));
  t.deepEqual(Object.keys(schema.enums).sort(), declared('enum'));
  const fields = Object.values(schema.messages).flat().length;
  const values = Object.values(schema.enums).flatMap(each => Object.keys(each)).length;
  t.is(fields + values, [...proto.matchAll(/ = \d+;/g)].length);
});

test('no message contains itself, so nesting is as deep as the schema and no deeper', t => {
  const depth = (message: string, above: readonly string[]): number => {
    t.false(above.includes(message), [...above, message].join(' > '));
    const nested = fieldsOf(message).filter(field => field.type === 'message');
    return 1 + Math.max(0, ...nested.map(field => depth(field.ref!, [...above, message])));
  };
  t.is(Math.max(depth('ClientMessage', []), depth('ServerMessage', [])), 6);
});

test('enums are read by short and by full name', t => {
  const { numbers, shortNames, fullNames } = enumOf('Initialization');
  t.is(numbers.get('np-rnn'), 4);
  t.is(numbers.get('INITIALIZATION_NP_RNN'), 4);
  t.is(shortNames.get(4), 'np-rnn');
  t.is(fullNames.get(4), 'INITIALIZATION_NP_RNN');
  t.is(enumOf('Cell').shortNames.get(1), 'rnn_tanh');
  t.is(enumOf('FaultCode').shortNames.get(9), 'bad_input');
});
