import test from 'ava';
import fc from 'fast-check';
import { createModel, type TrainableModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import { createStream } from '../../src/training/stream.js';
import { createTrainer } from '../../src/training/trainer.js';
import type { ClientMessage, ServerMessage } from '../../src/wire/messages.js';
import { bits } from '../helpers/bits.js';
import { config, randomInput, randomTarget } from '../helpers/models.js';
import { connectWire, openSession, rowFrames, startServer } from '../helpers/wire-client.js';

const options = { k1: 2, k2: 3 };

/** What one client does in its session: frames in pieces of these sizes, 0 being a frame that is refused, −1 a reset. */
interface Script {
  readonly learns: boolean;
  readonly pieces: readonly number[];
  readonly seed: number;
}

const script: fc.Arbitrary<Script> = fc.record({
  learns: fc.boolean(),
  pieces: fc.array(fc.integer({ min: -1, max: 5 }), { minLength: 1, maxLength: 8 }),
  seed: fc.integer({ min: 1, max: 1000 }),
});

/** The messages of a script, and the predictions that must come back, by a fold of steps here. */
async function play(model: TrainableModel, session: number, { learns, pieces, seed }: Script) {
  const random = createRandom(seed);
  const own = await createModel(model.config, { seed: 3 });
  const trainer = createTrainer(own, options);
  let stream = createStream(trainer);
  const messages: ClientMessage[] = [];
  const expected: (Int32Array | 'refused')[] = [];
  let seq = 1;
  const update = (): void => {
    const windows = stream.windows.take();
    if (learns && windows.length > 0) trainer.learnMany(windows);
  };
  for (const piece of pieces) {
    if (piece === -1) {
      messages.push({ type: 'reset', session });
      update();
      stream = createStream(trainer);
    } else if (piece === 0) {
      messages.push(rowFrames(session, seq++, [Float32Array.of(0, Number.NaN, 0)]));
      expected.push('refused');
    } else {
      const rows = Array.from({ length: piece }, () => randomInput(random, model) as Float32Array);
      const targets = rows.map(() => randomTarget(random, model));
      const frames = rowFrames(session, seq, rows);
      messages.push(learns ? ({ ...frames, targets: { targets } } as ClientMessage) : frames);
      seq += piece;
      rows.forEach((row, i) => {
        if (stream.windows.due()) update();
        expected.push(bits(stream.step(row, targets[i]).step.prediction));
        if (stream.windows.due(false)) update();
      });
    }
  }
  return { messages, expected };
}

test('whatever the other sessions do, however frames are cut into messages, each gets the bits of a fold of its own', async t => {
  const model = await createModel(config('lstm', [4]), { seed: 3 });
  const server = await startServer(t, model, { maxLearners: 1000 });
  const clients = await Promise.all([1, 2, 3].map(() => connectWire(t, server.url)));
  let session = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 6 }), async scripts => {
      const plays = await Promise.all(
        scripts.map(async (given, i) => {
          const number = ++session;
          const client = clients[i % clients.length];
          return { client, number, learns: given.learns, ...(await play(model, number, given)) };
        }),
      );
      for (const { client, number, learns } of plays) {
        await openSession(client, number, learns ? { learn: 'private', learning: options } : {});
      }
      // One message of each in turn: neighbours in every batch.
      const longest = Math.max(...plays.map(({ messages }) => messages.length));
      for (let i = 0; i < longest; i++) {
        for (const { client, messages } of plays) if (i < messages.length) client.send(messages[i]);
      }
      for (const { client, number } of plays) client.send({ type: 'finish', session: number });
      for (const { client, number, expected } of plays) {
        const got: (Int32Array | 'refused')[] = [];
        let message: ServerMessage;
        do {
          message = await client.nextOf(number);
          if (message.type === 'predictions')
            got.push(...message.entries.map(entry => bits(entry.answers[0].prediction!)));
          else if (message.type === 'fault') got.push('refused');
        } while (message.type !== 'finished');
        t.deepEqual(got, expected);
      }
    }),
    { numRuns: 60 },
  );
});
