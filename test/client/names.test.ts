import test from 'ava';
import { remote, remoteSession } from '../../src/client/index.js';

const url = 'ws://127.0.0.1:9';

for (const [what, call] of Object.entries({ remote, remoteSession }) as [string, (...given: unknown[]) => unknown][]) {
  test(`an option that ${what} does not have is refused at once, with those that it has`, t => {
    for (const [options, message] of [
      [{ leran: 'private' }, /^Expected an option to be one of token, .*, learn, .*, got leran$/],
      [{ learning: { K1: 4 } }, /^Expected an option of learning to be one of k1, .*, got K1$/],
      [{ learning: { optimizer: { kind: 'adam', lr: 1 } } }, /^Expected an option of learning\.optimizer .*, got lr$/],
      [
        { learning: { optimizer: { schedule: { warmUp: 1 } } } },
        /^Expected an option of learning\.optimizer\.schedule .*warmUp$/,
      ],
      [{ learning: { replay: { size: 1 } } }, /^Expected an option of learning\.replay .*, got size$/],
      [{ learning: { guard: { leaps: 1 } } }, /^Expected an option of learning\.guard .*, got leaps$/],
      [{ learning: { loss: { gamma: 1 } } }, /^Expected an option of learning\.loss .*, got gamma$/],
      [{ learning: { readout: { optimizer: { rates: 1 } } } }, /learning\.readout\.optimizer .*, got rates$/],
      [{ want: { answers: 'whole' } }, /^Expected an option of want to be one of answer, .*, got answers$/],
      [{ reconnect: { firts: 1 } }, /^Expected an option of reconnect to be one of first, .*, got firts$/],
      [{ resume: { tokn: '' } }, /^Expected an option of resume .*, got tokn$/],
      [{ fresh: { config: { layers: [{ cell: 'gru', size: 2, bias: 1 }] } } }, /fresh\.config\.layers .*, got bias$/],
    ] as [object, RegExp][])
      t.throws(() => call(url, options), { code: 'EDDY_CONFIG', message });
    t.throws(() => call(url, null), { code: 'EDDY_CONFIG' });
  });
}

test('what options may have beside their own names passes', t => {
  const config = { encoder: { kind: 'characters', alphabet: 'ab' }, labels: ['a', 'b'] };
  t.notThrows(() => remote(url, { fresh: { config } as never, reconnect: false, carry: new Float32Array(2) }));
});
