// What do the two hot messages cost, beside the generated protobuf module alone (which checks nothing, and gives numbers as bytes)?
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { race, ratios, settings, spread } from './helpers/race.js';

const dist = process.env.EDDY_DIST ?? fileURLToPath(new URL('../dist', import.meta.url));
const load = path => import(pathToFileURL(resolve(dist, 'src/wire', path)).href);
const {
  addEntry,
  clearEntries,
  copyMessage,
  decodeClient,
  decodeServer,
  encodeClient,
  encodeServer,
  joinEntries,
  startEntries,
} = await load('messages.js');
const { eddy } = await load('eddy.generated.js');
const { ClientMessage, ServerMessage } = eddy.v1;

const floats = count => Float32Array.from({ length: count }, (_, i) => i * 0.3 - 1);
const proto = 'eddy.v1.proto';

export async function measure(quick) {
  const payload = { kind: 'features', rows: 1, values: floats(40) };
  const frames = { type: 'frames', session: 3, firstSeq: 123_456, payload };
  const answers = [{ step: 123_456, prediction: floats(10) }];
  const entries = [{ firstStep: 123_456, stepCount: 1, answers }];
  const predictions = { type: 'predictions', session: 3, firstSeq: 123_456, entries };
  const sent = received(encodeClient(frames, proto));
  const answered = received(encodeServer(predictions, proto));
  const gathered = startEntries(256);
  const plainFrames = ClientMessage.decode(sent);
  const plainPredictions = ServerMessage.decode(answered);
  return [
    await compare('read a frame of 40 numbers', quick, {
      'generated module': () => ClientMessage.decode(sent),
      eddy: () => decodeClient(sent, true, proto),
    }),
    await compare('write a frame of 40 numbers', quick, {
      'generated module': () => ClientMessage.encode(plainFrames).finish(),
      eddy: () => encodeClient(frames, proto),
    }),
    await compare('read an answer of 10 numbers', quick, {
      'generated module': () => ServerMessage.decode(answered),
      eddy: () => decodeServer(answered, true, proto),
    }),
    await compare('write an answer of 10 numbers', quick, {
      'generated module': () => ServerMessage.encode(plainPredictions).finish(),
      eddy: () => {
        clearEntries(gathered);
        addEntry(gathered, entries[0]);
        return copyMessage(joinEntries(3, 123_456, gathered));
      },
    }),
  ];
}

/** As a socket gives it: unaligned, in a larger buffer. */
function received(bytes) {
  const larger = Buffer.alloc(bytes.length + 64);
  larger.set(bytes, 9);
  return larger.subarray(9, 9 + bytes.length);
}

let sink;

async function compare(question, quick, contenders) {
  const looped = Object.fromEntries(
    Object.entries(contenders).map(([name, once]) => [
      name,
      count => {
        for (let i = 0; i < count; i++) sink = once();
        if (sink === undefined) throw new Error('Expected a message');
      },
    ]),
  );
  const times = await race(looped, settings(quick));
  return {
    question: `${question}: generated module ÷ eddy`,
    answer: spread(ratios(times['generated module'], times.eddy)),
    unit: '×',
    least: 1,
    times,
  };
}
