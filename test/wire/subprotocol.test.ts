import test from 'ava';
import { isSubprotocol, subprotocols } from '../../src/wire/messages.js';

test('the binary subprotocol is preferred, and no other name is one', t => {
  t.deepEqual([...subprotocols], ['eddy.v1.proto', 'eddy.v1.json']);
  t.true(subprotocols.every(isSubprotocol));
  for (const name of ['', 'eddy.v2.proto', 'EDDY.V1.JSON', 'eddy.v1.proto,eddy.v1.json']) t.false(isSubprotocol(name));
});
