// Whoever calls a public function with nothing, or with something else, is told what it takes.
import test from 'ava';
import { EddyError } from '../../src/errors.js';

const entries = ['index', 'operators/index', 'server/index', 'client/index'];

const wrong: Readonly<Record<string, readonly unknown[]>> = {
  nothing: [],
  null: [null],
  'no fields': [{}],
  'a field that there is not': [{ misspelt: 1 }],
  'a number': [7],
  text: ['text'],
  'a function': [() => 0],
  'no items': [[]],
  'an item that is nothing': [[null]],
};

type Call = (...given: readonly unknown[]) => unknown;

for (const entry of entries) {
  test(`functions of ${entry} say what they take`, async t => {
    const exported: readonly [string, unknown][] = Object.entries(await import(`../../src/${entry}.js`));
    const functions = exported.filter(
      (one): one is [string, Call] => typeof one[1] === 'function' && /^[a-z]/.test(one[0]),
    );
    t.true(functions.length > 0);
    for (const [name, call] of functions) {
      for (const [kind, given] of Object.entries(wrong)) {
        try {
          await call(...given);
        } catch (error) {
          t.true(error instanceof EddyError, `${name} of ${kind}: ${error}`);
        }
      }
    }
  });
}
