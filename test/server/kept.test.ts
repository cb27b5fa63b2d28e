import test from 'ava';
import { createCounts } from '../../src/server/counts.js';
import { answerAgain, createKept, say } from '../../src/server/kept.js';
import type { ServerMessage } from '../../src/wire/messages.js';

test('a frame that comes again costs what its own answer does, however many are kept', t => {
  const sent: ServerMessage[] = [];
  const outlet = { send: (message: ServerMessage) => void sent.push(message), sendBytes() {}, blocked: () => false };
  const kept = createKept();
  const session = { number: 1, outlet, counts: createCounts(), share: { bytes: () => 1 << 20 }, kept };
  const entry = { firstStep: 1, stepCount: 0, answers: [] };
  for (let seq = 1; seq <= 100; seq += 2) {
    say(session, { type: 'predictions', session: 1, firstSeq: seq, entries: [entry, entry] });
    say(session, { type: 'losses', session: 1, losses: [{ step: 1, loss: 0 }] });
  }
  let read = 0;
  kept.messages.forEach((said, i) => {
    kept.messages[i] = {
      ...said,
      get bytes() {
        read++;
        return said.bytes;
      },
    };
  });
  answerAgain(session, 4, 7);
  t.is(read, 3);
  t.deepEqual(
    sent.map(message => message.type === 'predictions' && [message.firstSeq, message.entries.length]),
    [
      [4, 1],
      [5, 2],
      [7, 1],
    ],
  );
});
