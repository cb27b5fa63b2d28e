import test from 'ava';
import { InputError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { config } from '../helpers/models.js';

test('each number of an input is looked at', async t => {
  for (const size of [1, 3, 4, 5, 9]) {
    const model = await createModel(config('gru', [2], { kind: 'features', size }));
    t.notThrows(() => model.checkInput(new Float32Array(size).fill(3.4e38)));
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (let at = 0; at < size; at++) {
        const input = new Float32Array(size).fill(-3.4e38);
        input[at] = value;
        t.throws(() => model.checkInput(input), { instanceOf: InputError, message: new RegExp(`input\\[${at}\\]`) });
      }
    }
  }
});
