import { argmax, createStrokes, type Model, type StrokesConfig, type TrainableModel } from 'eddy';
import { write } from 'eddy/operators';
import { toArray } from 'rxjs';
import { encodeAll, type Sequence } from './lessons.js';

/** Digits of each kind: to learn again beside what is new, and to ask for. */
export interface Digits {
  readonly learned: readonly Sequence[];
  readonly asked: readonly Sequence[];
}

const each = 24;
const attempts = 40;

/**
 * Digits as the network `hand` writes them: no data of others ships with the page. Only those that the network reads as what they
 * should be are taken.
 */
export async function writeDigits(hand: Model, reader: TrainableModel): Promise<Digits> {
  const encoder = createStrokes(reader.config.encoder as unknown as StrokesConfig);
  const all: Sequence[][] = [];
  for (let digit = 0; digit < 10; digit++) {
    // Who draws meanwhile does not notice.
    await new Promise(resolve => setTimeout(resolve));
    const sequences: Sequence[] = [];
    for (let attempt = 0; attempt < attempts && sequences.length < each; attempt++) {
      let inputs: Float32Array[] = [];
      write(hand, { letter: String(digit), bias: 0.4, seed: 100 * digit + attempt, most: 120 })
        .pipe(toArray())
        .subscribe(points => {
          inputs = encodeAll(encoder, points);
        });
      let carry = reader.zeroCarry();
      let said = -1;
      for (const input of inputs) {
        const step = reader.step(carry, input);
        carry = step.carry;
        said = step.prediction[digit] > 0.8 ? argmax(step.logits) : -1;
      }
      if (said === digit) sequences.push({ inputs, answer: digit });
    }
    all.push(sequences);
  }
  return {
    learned: all.flatMap(sequences => sequences.slice(0, 20)),
    asked: all.flatMap(sequences => sequences.slice(20)),
  };
}
