import test from 'ava';
import fc from 'fast-check';
import { WireError } from '../../src/errors.js';
import { decodeClient, decodeServer, encodeClient, encodeServer } from '../../src/wire/messages.js';
import { anyClientMessage } from '../helpers/wire-arbitraries.js';

const read = (text: string) => decodeClient(text, false, 'eddy.v1.json');
const frames = (body: string) => read(`{"session": 1, "frames": {${body}}}`);

test('fields are read by their camelCase and by their proto names', t => {
  const camel = '{"session":1,"open":{"learning":{"maxGradientNorm":2,"targetSource":"input"},"want":{"topK":3}}}';
  const proto = '{"session":1,"open":{"learning":{"max_gradient_norm":2,"target_source":"input"},"want":{"top_k":3}}}';
  t.deepEqual(read(camel), read(proto));
  t.like(read(camel), { learning: { maxGradientNorm: 2, targetSource: 'input' }, want: { topK: 3 } });
  t.throws(() => frames('"firstSeq":1,"first_seq":1,"tokens":{"ids":[1]}'), {
    instanceOf: WireError,
    message: 'Expected firstSeq once, got first_seq as well',
  });
});

test('the order and the spaces of a message do not matter, and what is unknown is passed over', t => {
  const plain = frames('"firstSeq":1,"tokens":{"ids":[1,2]}');
  const loose = read(
    ' { "frames" : { "tokens" : {"ids":[ 1 , 2 ], "x":{}} , "firstSeq" : 1, "later": [{}] }, "session" : 1 }\n',
  );
  t.deepEqual(loose, plain);
});

test('any message may be written with proto names, null for what is absent, and unknown fields', t => {
  const snake = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(snake);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([name, each]) => [
      name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`),
      snake(each),
    ]);
    return Object.fromEntries([['unknown_field', [1, { a: null }]], ...entries, ['sessions', null]]);
  };
  const same = fc.property(anyClientMessage, message => {
    const text = encodeClient(message, 'eddy.v1.json') as string;
    t.deepEqual(read(JSON.stringify(snake(JSON.parse(text)))), read(text));
  });
  fc.assert(same, { numRuns: 500 });
});

test('numbers are plain lists, or base64 of little-endian float32', t => {
  const list = frames('"firstSeq":1,"features":{"values":[1,-0.0,"-0",1e-2]}');
  t.deepEqual(list, frames(`"firstSeq":1,"features":{"data":"${base64(Float32Array.of(1, -0, -0, 0.01))}"}`));
  const url = base64(Float32Array.of(1, 0.01)).replaceAll('/', '_').replaceAll('+', '-').replace(/=+$/, '');
  t.deepEqual(
    frames(`"firstSeq":1,"features":{"data":"${url}"}`),
    frames('"firstSeq":1,"features":{"values":["1",0.01]}'),
  );
  const both = `"firstSeq":1,"features":{"values":[1],"data":"${url}"}`;
  t.throws(() => frames(both), { instanceOf: WireError, message: 'Expected numbers as bytes or one by one, got both' });
});

function base64(floats: Float32Array): string {
  return Buffer.from(floats.buffer).toString('base64');
}

test('null in a list of numbers is a missing reading, and so is "NaN"', t => {
  const { payload } = frames('"firstSeq":1,"features":{"values":[null,"NaN","Infinity","-Infinity"]}') as never;
  t.deepEqual(payload, {
    kind: 'features',
    rows: 1,
    values: Float32Array.of(Number.NaN, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  });
});

test('enums are read by full name, short name and number', t => {
  for (const learn of ['"LEARN_PRIVATE"', '"private"', '2']) {
    t.like(read(`{"session":1,"open":{"learn":${learn}}}`), { learn: 'private' });
  }
});

test('64-bit numbers are read plain or quoted, and written plain', t => {
  t.deepEqual(
    read('{"session":1,"ack":{"seq":"9007199254740991"}}'),
    read('{"session":1,"ack":{"seq":9007199254740991}}'),
  );
  t.is(
    encodeClient({ type: 'ack', session: 1, seq: 2 ** 53 - 1 }, 'eddy.v1.json'),
    '{"session":1,"ack":{"seq":9007199254740991}}',
  );
});

test('an answer is written as a person reads it', t => {
  const answers = [{ step: 4, prediction: Float32Array.of(0.1, 0.9), loss: 0.105 }];
  const entries = [{ firstStep: 4, stepCount: 1, answers }];
  t.is(
    encodeServer({ type: 'predictions', session: 1, firstSeq: 4, entries }, 'eddy.v1.json'),
    '{"session":1,"predictions":{"firstSeq":4,"entries":[{"firstStep":4,"stepCount":1,"answers":[' +
      '{"step":4,"prediction":{"values":[0.1,0.9]},"loss":0.105}]}]}}',
  );
});

const refused: Record<string, [body: string, message: string]> = {
  'no object': ['[]', 'Expected ClientMessage to be an object, got a list'],
  'a bare null': ['null', 'Expected ClientMessage to be an object, got null'],
  'no message': ['{"session":1}', 'Expected one message of ClientMessage, got none that is known'],
  'two messages': [
    '{"session":1,"ack":{},"close":{}}',
    'Expected one message in ClientMessage, got close besides another',
  ],
  'two payloads': [
    '{"session":1,"frames":{"tokens":{},"text":{}}}',
    'Expected one payload in Frames, got text besides another',
  ],
  'a negative number': [
    '{"session":1,"ack":{"seq":-1}}',
    'Expected seq to be a whole number from 0 to 9007199254740991, got -1',
  ],
  'a number that is too large': [
    '{"session":1,"ack":{"seq":9007199254740992}}',
    'Expected seq to be a whole number from 0 to 9007199254740991, got 9007199254740992',
  ],
  'a fraction': ['{"session":0.5,"ack":{}}', 'Expected session to be a whole number from 0 to 4294967295, got 0.5'],
  'text for a number': [
    '{"session":1,"ack":{"seq":"0x10"}}',
    'Expected seq to be a whole number from 0 to 9007199254740991, got "0x10"',
  ],
  'a number for text': ['{"session":1,"open":{"model":5}}', 'Expected model to be text, got 5'],
  'a number for a flag': ['{"session":1,"open":{"resumable":1}}', 'Expected resumable to be true or false, got 1'],
  'a number for a list': ['{"session":1,"frames":{"tokens":{"ids":1}}}', 'Expected ids to be a list, got 1'],
  'null in a list of ids': [
    '{"session":1,"frames":{"tokens":{"ids":[null]}}}',
    'Expected ids to be a whole number from 0 to 4294967295, got null',
  ],
  'a word for a number': [
    '{"session":1,"frames":{"features":{"values":["one"]}}}',
    'Expected values to be a number, got "one"',
  ],
  'an infinite setting': [
    '{"session":1,"open":{"learning":{"maxGradientNorm":"Infinity"}}}',
    'Expected maxGradientNorm to be finite, got Infinity',
  ],
  'bytes that are not base64': ['{"session":1,"restore":{"data":"*"}}', 'Expected data to be base64, got "*"'],
  'base64 of no whole byte': ['{"session":1,"restore":{"data":"AAAAA"}}', 'Expected data to be base64, got "AAAAA"'],
  'an unknown name': [
    '{"session":1,"open":{"learn":"everything"}}',
    'Expected learn to be one of LEARN_NONE, LEARN_PRIVATE, LEARN_SHARED, got "everything"',
  ],
  'a list in place of an object': [
    '{"session":1,"frames":{"firstSeq":1,"features":[1,2]}}',
    'Expected features to be an object, got a list',
  ],
  'encoder settings that are none': [
    '{"session":1,"open":{"fresh":{"config":{"encoder":{"kind":"bytes","settings":"[]"}}}}}',
    'Expected encoder.settings to be the text of a JSON object, got []',
  ],
};

for (const [name, [text, message]] of Object.entries(refused)) {
  test(`${name} is refused`, t => {
    const error = t.throws(() => read(text), { instanceOf: WireError, message });
    t.is(error.fault, 'invalid');
  });
}

test('text that is not JSON, and bytes that are not UTF-8, are malformed', t => {
  const json = { instanceOf: WireError, message: /^Expected a JSON message, got text that is not JSON/ };
  for (const text of ['', '{', 'open', '{"session":1}{"session":2}'])
    t.is(t.throws(() => read(text), json).fault, 'malformed');
  t.throws(() => decodeClient(Uint8Array.of(0x22, 0xff, 0x22), false, 'eddy.v1.json'), json);
});

test('a name that every object has is no field', t => {
  t.throws(() => read('{"session":1,"constructor":{},"toString":{}}'), { instanceOf: WireError });
  const text =
    '{"session":1,"open":{"fresh":{"config":{"encoder":{"kind":"bytes","settings":"{\\"__proto__\\":{\\"a\\":1}}"}}}}}';
  t.throws(() => read(text), { instanceOf: WireError });
  t.is(({} as { a?: number }).a, undefined);
});

test('a server may say NaN where a loss is none', t => {
  const updated = {
    type: 'updated',
    session: 1,
    count: 1,
    loss: Number.NaN,
    gradientNorm: Number.POSITIVE_INFINITY,
  } as const;
  const rest = { clipped: false, skipped: true, windows: 1, replayed: 0, steps: 1, labelled: 1, short: 0 };
  const text = encodeServer({ ...updated, ...rest }, 'eddy.v1.json') as string;
  t.true(text.includes('"loss":"NaN","gradientNorm":"Infinity"'));
  t.deepEqual(decodeServer(text, false, 'eddy.v1.json'), { ...updated, ...rest });
});

test('a whole number that is -0 is 0, as it is in protobuf', t => {
  const message = frames('"firstSeq":1,"ack":-0,"tokens":{"ids":[-0,3]}');
  t.deepEqual(message, frames('"firstSeq":1,"ack":0,"tokens":{"ids":[0,3]}'));
  t.deepEqual(decodeClient(encodeClient(message, 'eddy.v1.proto'), true, 'eddy.v1.proto'), message);
});
