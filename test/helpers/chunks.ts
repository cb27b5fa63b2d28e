import type { Encoded, Encoder } from '../../src/encoders/encoder.js';

/** All inputs of the pieces, with those that wait for their rest at the end; the state goes through JSON between pieces. */
export function encodeAll<Raw, State, In extends Encoded>(
  encoder: Encoder<Raw, State, In>,
  pieces: readonly Raw[],
): { inputs: In[]; state: State } {
  let state = encoder.initial();
  const inputs: In[] = [];
  for (const piece of pieces) {
    const encoded = encoder.encode(encoder.restore(JSON.parse(JSON.stringify(state))), piece);
    state = encoded.state;
    inputs.push(...encoded.inputs);
  }
  return { inputs: [...inputs, ...encoder.finish(state)], state };
}

/** The sequence cut at the given places, in any order, out of range or not. */
export function cutAt<T extends { length: number; slice(from: number, to: number): T }>(
  whole: T,
  places: readonly number[],
): T[] {
  const ends = [...places.map(place => place % (whole.length + 1)), whole.length].sort((a, b) => a - b);
  return ends.map((end, i) => whole.slice(i === 0 ? 0 : ends[i - 1], end));
}
