import type { Step } from '../model/transfer.js';
import type { StepAnswer, Want } from '../wire/messages.js';

/** What comes back, with every choice made. */
export type EffectiveWant = Required<Want>;

export function effectiveWant(want: Want | undefined, outputs: number): EffectiveWant {
  const answer = want?.answer ?? 'whole';
  return {
    answer,
    topK: answer === 'top-k' ? Math.min(Math.max(1, want?.topK ?? 1), outputs) : answer === 'argmax' ? 1 : 0,
    // The last step may have any number.
    every: want?.last ? 1 : Math.max(1, want?.every ?? 1),
    last: want?.last ?? false,
    logits: want?.logits ?? false,
    carry: want?.carry ?? false,
  };
}

/** The whole prediction of each step, and nothing else. */
export function isPlain({ answer, every, last, logits, carry }: EffectiveWant): boolean {
  return answer === 'whole' && every === 1 && !last && !logits && !carry;
}

/** The answer to step `number`, or nothing where none is wanted. */
export function answerStep(
  want: EffectiveWant,
  number: number,
  said: Step,
  loss: number | null,
  limited?: true,
): StepAnswer | undefined {
  if (want.every > 1 && number % want.every !== 0) return undefined;
  const answer: { -readonly [K in keyof StepAnswer]: StepAnswer[K] } = { step: number };
  if (want.answer === 'whole') {
    answer.prediction = said.prediction;
  } else if (want.topK > 0) {
    const top = largest(said.prediction, want.topK);
    answer.topIndices = top;
    answer.topValues = Float32Array.from(top, index => said.prediction[index]);
  } else if (loss === null && !want.logits && !want.carry && !limited) {
    return undefined;
  }
  if (loss !== null) answer.loss = loss;
  if (want.logits) answer.logits = said.logits;
  if (want.carry) answer.carry = said.carry;
  if (limited) answer.limited = limited;
  return answer;
}

/** Numbers in the answer to one step of a network with so many outputs and so large a carry, at most. */
export function answerLength(want: EffectiveWant, outputs: number, carry: number): number {
  const prediction = want.answer === 'whole' ? outputs : 2 * want.topK;
  return 8 + prediction + (want.logits ? outputs : 0) + (want.carry ? carry : 0);
}

/** Below this many places each is put among those found so far; that takes count · length comparisons. */
const fewPlaces = 32;

/** Places of the `count` largest numbers, largest first; of equals the first comes first, and NaN last. */
export function largest(values: Float32Array, count: number): number[] {
  const places: number[] = [];
  if (count >= fewPlaces) {
    for (let i = 0; i < values.length; i++) places.push(i);
    const order = (i: number, j: number) =>
      above(values[i], values[j]) ? -1 : above(values[j], values[i]) ? 1 : i - j;
    return places.sort(order).slice(0, count);
  }
  for (let i = 0; i < values.length; i++) {
    if (places.length === count && !above(values[i], values[places[count - 1]])) continue;
    let at = places.length === count ? count - 1 : places.length;
    while (at > 0 && above(values[i], values[places[at - 1]])) at--;
    if (places.length === count) places.pop();
    places.splice(at, 0, i);
  }
  return places;
}

function above(a: number, b: number): boolean {
  return a > b || (Number.isNaN(b) && !Number.isNaN(a));
}
