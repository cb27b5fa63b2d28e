/** What is said in the transcripts, and how many messages answer each message. */
export const model = {
  input: { kind: 'features', size: 2 },
  layers: [{ cell: 'gru', size: 3 }],
  output: { kind: 'values', size: 2 },
};

const rows = (firstSeq, ...numbers) => ({
  type: 'frames',
  session: 1,
  firstSeq,
  payload: { kind: 'features', rows: numbers.length / 2, values: Float32Array.from(numbers) },
});

export const exchanges = {
  'predictions, one frame and three': [
    { send: { type: 'open', session: 1 }, answers: 1 },
    { send: rows(1, 0.5, -0.1), answers: 1 },
    { send: rows(2, 0.6, -0.2, 0.7, -0.3, 0.8, -0.4), answers: 1 },
    { send: { type: 'finish', session: 1, carry: true }, answers: 1 },
  ],
  'the largest output, and the carry': [
    {
      send: {
        type: 'open',
        session: 1,
        want: { answer: 'argmax', topK: 0, every: 1, last: false, logits: true, carry: true },
      },
      answers: 1,
    },
    { send: rows(1, 1, 2), answers: 1 },
    { send: { type: 'close', session: 1 }, answers: 1 },
  ],
  'learning, a target with the next frame': [
    { send: { type: 'open', session: 1, learn: 'private', learning: { k1: 1, k2: 8, lateness: 1 } }, answers: 1 },
    { send: rows(1, 0.5, -0.1), answers: 1 },
    { send: { ...rows(2, 0.6, -0.2), targets: { forStep: 1, targets: [Float32Array.of(0.6, -0.2)] } }, answers: 3 },
    { send: { type: 'finish', session: 1 }, answers: 1 },
  ],
  'a gap, a repeated frame, and a number that is none': [
    { send: { type: 'open', session: 1 }, answers: 1 },
    { send: rows(2, 1, 1), answers: 1 },
    { send: rows(1, 1, 1), answers: 1 },
    { send: rows(1, 1, 1), answers: 1 },
    { send: rows(2, Number.NaN, 1), answers: 1 },
    { send: rows(3, 1, 1), answers: 1 },
    { send: { type: 'finish', session: 1 }, answers: 1 },
  ],
  'a reset before a frame that has not come': [
    { send: { type: 'open', session: 1 }, answers: 1 },
    { send: { type: 'reset', session: 1, beforeSeq: 2 }, answers: 0 },
    { send: rows(1, 1, 0), answers: 1 },
    { send: rows(2, 1, 0), answers: 1 },
    { send: { type: 'finish', session: 1 }, answers: 1 },
  ],
  'what cannot be opened': [
    { send: { type: 'open', session: 1, model: 'nobody' }, answers: 1 },
    { send: { type: 'open', session: 1, learn: 'shared' }, answers: 1 },
    { send: rows(1, 1, 1), answers: 1 },
  ],
};
