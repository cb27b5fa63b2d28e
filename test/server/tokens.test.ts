import { createHash } from 'node:crypto';
import test from 'ava';
import { ConfigError } from '../../src/errors.js';
import { bearerOf, createTokens, parseTokens } from '../../src/server/tokens.js';

const one = { name: 'phones', token: 'a-token-of-enough-length' };

test('a token names its grant, and no other text does', t => {
  const tokens = createTokens([one, { name: 'desk', token: 'another-long-token', permissions: ['operate'] }]);
  t.is(tokens.find('a-token-of-enough-length')?.name, 'phones');
  t.deepEqual([...tokens.find('another-long-token')!.permissions], ['operate', 'observe']);
  for (const other of [
    '',
    'a-token-of-enough-lengt',
    'a-token-of-enough-length ',
    'A-token-of-enough-length',
    'phones',
  ]) {
    t.is(tokens.find(other), undefined, other);
  }
});

test('the file may hold the digest alone', t => {
  const sha256 = createHash('sha256').update(one.token).digest('hex');
  const tokens = createTokens([{ name: 'phones', sha256 }]);
  t.is(tokens.find(one.token)?.name, 'phones');
  t.is(tokens.find(sha256), undefined);
});

test('left out, permissions are to predict and to learn in private, and there are no bounds of its own', t => {
  const grant = createTokens([one]).find(one.token)!;
  t.deepEqual([...grant.permissions], ['predict', 'learn-private']);
  t.is(grant.maxSessions, Number.POSITIVE_INFINITY);
});

test('a wrong list is refused by name, and the message holds no token', t => {
  const secret = 'short-secret';
  const wrong: [unknown, RegExp][] = [
    [[], /tokens to be a list of one or more/],
    [{}, /tokens to be a list/],
    [[null], /tokens\[0\] to be a record/],
    [[secret], /tokens\[0\] to be a record/],
    [[{ name: 'a', token: secret }], /tokens\[0\]\.token to be 16 characters or more/],
    [[{ name: 'a', token: `${secret} with spaces` }], /none of them a space/],
    [[{ name: 'a' }], /tokens\[0\] to be a token, or its sha256/],
    [[{ ...one, sha256: 'f'.repeat(64) }], /both or neither/],
    [[{ name: 'a', sha256: 'abc' }], /64 hexadecimal digits/],
    [[one, one], /different names, got phones, phones/],
    [[one, { ...one, name: 'b' }], /tokens that differ/],
    [[{ ...one, name: 'a b' }], /tokens\[0\]\.name/],
    [[{ ...one, permissions: ['everything'] }], /permissions to be a list of predict, learn-private/],
    [[{ ...one, maxSessions: -1 }], /maxSessions to be an integer from 0/],
    [[{ ...one, messageRate: 0 }], /tokens\[0\]\.messageRate to be an integer from 1, got 0/],
    [[{ ...one, maxSession: 1 }], /one of name, token, .*got maxSession/],
  ];
  for (const [list, message] of wrong) {
    const error = t.throws(() => parseTokens(JSON.stringify(list)), { instanceOf: ConfigError, message });
    t.false(error.message.includes(secret));
  }
  t.throws(() => parseTokens('token'), { instanceOf: ConfigError, message: /not JSON/ });
});

test('the header is read as it is written', t => {
  t.is(bearerOf('Bearer abc'), 'abc');
  t.is(bearerOf('bearer  abc '), 'abc');
  t.is(bearerOf('Basic abc'), '');
  t.is(bearerOf('Bearer a b'), '');
  t.is(bearerOf(undefined), undefined);
});
