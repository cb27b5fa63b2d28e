import test from 'ava';
import { WebSocket } from 'ws';
import { createModel } from '../../src/model/model.js';
import { config } from '../helpers/models.js';
import { startServer } from '../helpers/wire-client.js';

test('a person who types is understood however the JSON is written', async t => {
  const model = await createModel(config('gru', [2], { kind: 'features', size: 2 }), { seed: 3 });
  const { url } = await startServer(t, model);
  const socket = new WebSocket(url, ['eddy.v1.json']);
  t.teardown(() => socket.terminate());
  const lines: string[] = [];
  let wake = (): void => {};
  socket.on('message', (data, isBinary) => {
    t.false(isBinary);
    lines.push(String(data));
    wake();
  });
  const line = async () => {
    while (lines.length === 0)
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    return JSON.parse(lines.shift()!);
  };
  await new Promise(resolve => socket.once('open', resolve));
  socket.send(' { "open" : { "want": {"answer": "argmax"}, "learn": "none" },\n "session" : 1 } ');
  const { session, opened } = await line();
  t.is(session, 1);
  t.like(opened, { model: 'default', learn: 'LEARN_NONE', nextSeq: 1 });
  t.deepEqual(opened.carryLayout, [{ name: 'layers.0.h', length: 2 }]);
  socket.send('{"session":1,"frames":{"first_seq":"1","features":{"rows":2,"values":[0.5,-1,"-0",2e0]}}}');
  const entries: { answers: { topIndices: number[]; topValues: { values: number[] } }[] }[] = [];
  while (entries.length < 2) entries.push(...(await line()).predictions.entries);
  let carry = model.zeroCarry();
  for (const [i, row] of [Float32Array.of(0.5, -1), Float32Array.of(-0, 2)].entries()) {
    const step = model.step(carry, row);
    ({ carry } = step);
    const [answer] = entries[i].answers;
    const best = step.prediction[0] >= step.prediction[1] ? 0 : 1;
    t.deepEqual(answer.topIndices, [best]);
    t.is(Math.fround(answer.topValues.values[0]), step.prediction[best]);
  }
  socket.send('{"session":1,"frames":{"firstSeq":4,"features":{"values":[1,1]}}}');
  t.like((await line()).fault, { code: 'FAULT_CODE_GAP', forSeq: 4, expectedSeq: 3, retryable: true });
  socket.send('{"session":1,"finish":{"carry":true}}');
  const { finished } = await line();
  t.deepEqual(finished.carry.values.map(Math.fround), [...carry]);
  t.like(finished.totals, { frames: 2, steps: 2 });
  socket.send('{"session":1,"opne":{}}');
  t.like((await line()).fault, { code: 'FAULT_CODE_INVALID' });
  socket.send('hello');
  t.like((await line()).fault, { code: 'FAULT_CODE_MALFORMED' });
  t.is(await new Promise(resolve => socket.once('close', resolve)), 4400);
});
