import test from 'ava';
import fc from 'fast-check';
import { encode } from '../../src/wire/envelope.js';
import { encodeLosses } from '../../src/wire/fast-losses.js';
import { serverMessages } from '../helpers/wire-arbitraries.js';

const binary = 'eddy.v1.proto';

test('losses are written as the generated module writes them', t => {
  const same = fc.property(serverMessages.losses, message => {
    t.deepEqual(Array.from(encodeLosses(message)!), Array.from(encode('ServerMessage', message, binary) as Uint8Array));
  });
  const zeros = [0, -0].map(loss => ({ step: 0, loss }));
  fc.assert(same, { numRuns: 300, examples: [[{ type: 'losses', session: 1, losses: zeros }]] });
  t.is(encodeLosses({ type: 'losses', session: 1, losses: [{ step: 0.5, loss: 1 }] }), undefined);
});
