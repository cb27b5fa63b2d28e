import test from 'ava';
import { from, lastValueFrom, reduce } from 'rxjs';
import { createTranscriber, type Transcript } from '../../src/model/transcript.js';
import { transcribe } from '../../src/operators/transcribe.js';
import { keepsContract } from '../helpers/contract.js';
import { marbles } from '../helpers/marbles.js';

const transcriber = createTranscriber(3, { beam: 4 });
const says = (label: number) => ({ logits: Float32Array.from({ length: 3 }, (_, c) => (c === label ? 5 : 0)) });

keepsContract<{ logits: Float32Array }, Transcript>('transcribe', {
  make: async () => transcribe(transcriber),
  items: [says(0), says(2), says(1), says(1)],
  expected: async (items, ended) => {
    let state = transcriber.initial();
    const all = items.map(({ logits }) => {
      const read = transcriber.read(state, logits);
      state = read.state;
      return read.transcript;
    });
    const left = transcriber.finish(state);
    return ended && left.settled.length > 0 ? [...all, left] : all;
  },
  show: transcript => transcript,
  wrong: [{ what: 'a step of two classes', item: { logits: Float32Array.of(1, 2) }, code: 'EDDY_INPUT' }],
  wrongArguments: [],
});

test('a label is open in the frame of its step, and settled at completion', t => {
  marbles(t, ({ cold, expectObservable }) => {
    const source = cold('-a-b-|', { a: says(0), b: says(2) });
    const seen = { x: { settled: [], open: [0] }, z: { settled: [0], open: [] } };
    expectObservable(source.pipe(transcribe(transcriber))).toBe('-x-x-(z|)', seen);
  });
});

test('the settled labels are what was said', async t => {
  const steps = from([0, 0, 2, 0, 1, 2, 2, 1].map(says));
  const join = reduce((all: number[], { settled }: Transcript) => [...all, ...settled], []);
  t.deepEqual(await lastValueFrom(steps.pipe(transcribe(transcriber), join)), [0, 0, 1, 1]);
  const best = createTranscriber(3, { beam: 0 });
  t.deepEqual(await lastValueFrom(steps.pipe(transcribe(best), join)), [0, 0, 1, 1]);
});
