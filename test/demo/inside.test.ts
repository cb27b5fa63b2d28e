import test from 'ava';
import { demoModule } from '../helpers/demo-modules.js';

const lessons = { k1: 1, k2: 4, optimizer: { kind: 'adam', rate: 0.01 } };

test('a probe steps and learns as tbptt does, and its reach goes beyond the window', async t => {
  const { createProbe } = await demoModule('inside/probe.ts');
  const config = {
    input: { kind: 'token', size: 3 },
    layers: [{ cell: 'gru', size: 5 }],
    output: { kind: 'classes', size: 3 },
  };
  const seen: { kind: string; number?: number; update?: { count: number } }[] = [];
  const probe = await createProbe(config, lessons, (one: (typeof seen)[number]) => seen.push(one));
  t.is(probe.reach(10), undefined, 'no loss yet');
  for (let i = 0; i < 4; i++) probe.take({ input: i % 3, label: '' });
  t.is(probe.reach(10).norms.length, 2, 'the state before the first step is no step’s');
  for (let i = 4; i < 12; i++) probe.take({ input: i % 3, label: '' });
  const kinds = (kind: string) => seen.filter(one => one.kind === kind);
  t.is(kinds('step').length, 12);
  t.deepEqual(
    kinds('loss').map(one => one.number),
    Array.from({ length: 11 }, (_, i) => i + 1),
  );
  t.is(kinds('update').at(-1)?.update?.count, 11);
  const { number, norms } = probe.reach(9);
  t.is(number, 11);
  t.is(norms.length, 9);
  t.true(norms.every((norm: number) => norm > 0) && norms[8] < norms[0]);
});

test('states that differ in one bit are not the same', async t => {
  const { createEquality } = await demoModule('inside/equality.ts');
  const equality = createEquality();
  const carry = Float32Array.of(1, -0);
  equality.here(1, carry);
  equality.here(2, carry);
  equality.here(3, carry);
  t.deepEqual(equality.there(1, Float32Array.of(1, -0)), { same: 1, all: 1 });
  t.deepEqual(equality.there(2, Float32Array.of(1, 0)), { same: 1, all: 2 });
  t.deepEqual(equality.there(3, Float32Array.of(1)), { same: 1, all: 3 });
  t.deepEqual(equality.there(4, carry), { same: 1, all: 4 }, 'one that was not here');
});
