import { execFileSync } from 'node:child_process';
import test from 'ava';
import { LimitError } from '../../src/errors.js';
import { createKernels } from '../../src/kernels/wasm.js';

const modelFile = new URL('../../src/model/model.js', import.meta.url).href;

const program = `
import { createModel } from ${JSON.stringify(modelFile)};
const model = await createModel(
  { input: { kind: 'features', size: 5 }, layers: [{ cell: 'lstm', size: 9 }, { cell: 'gru', size: 7 }], output: { kind: 'classes', size: 3 } },
  { seed: 4 },
);
let carry = model.zeroCarry();
for (let t = 0; t < 50; t++) carry = model.step(carry, Float32Array.from({ length: 5 }, (_, i) => ((t * 7 + i * 3) % 11) / 5 - 1)).carry;
console.log(JSON.stringify([model.network.kernels.name, [...new Uint32Array(carry.slice().buffer)]]));
`;

function runWith(...flags: string[]): [string, number[]] {
  return JSON.parse(
    execFileSync(process.execPath, [...flags, '--input-type=module', '-e', program], { encoding: 'utf8' }),
  );
}

test('SIMD serves where it runs', async t => {
  t.is((await createKernels()).name, 'simd');
});

test.serial('a process with more models than it has addresses for is told so', async t => {
  const { instantiate } = WebAssembly;
  t.teardown(() => {
    WebAssembly.instantiate = instantiate;
  });
  WebAssembly.instantiate = (): Promise<never> =>
    Promise.reject(new RangeError('Cannot allocate Wasm memory for new instance'));
  await t.throwsAsync(createKernels(), { instanceOf: LimitError, message: /fewer models in one process/ });
});

test('where WebAssembly is missing, the reference serves with the same bits', t => {
  const [simd, expected] = runWith();
  const [reference, found] = runWith('--jitless');
  t.is(simd, 'simd');
  t.is(reference, 'reference');
  t.deepEqual(found, expected);
});
