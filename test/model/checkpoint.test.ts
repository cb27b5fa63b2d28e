import test from 'ava';
import { CheckpointError, ConfigError } from '../../src/errors.js';
import { checkpointFormat, loadModel, saveModel } from '../../src/model/checkpoint.js';
import type { ModelConfig } from '../../src/model/config.js';
import { copyModel, createModel, type TrainableModel } from '../../src/model/model.js';
import { layoutParameters } from '../../src/model/parameters.js';
import { readSafetensors, type Tensor, tensorOf, writeSafetensors } from '../../src/model/safetensors.js';
import { weightShapes } from '../../src/model/shapes.js';
import { createRandom } from '../../src/random.js';
import { createTrainer } from '../../src/training/trainer.js';
import { firstDifference } from '../helpers/bits.js';
import { cellKinds, config, randomInput } from '../helpers/models.js';

const configs: readonly ModelConfig[] = cellKinds.flatMap(cell => [
  config(cell, [5]),
  config(cell, [5, 3, 8], { kind: 'token', size: 7 }, { kind: 'classes', size: 7 }, true),
  config(cell, [4, 6], { kind: 'features', size: 2 }, { kind: 'labels', size: 3 }),
]);

/** The file with its metadata and tensors changed. */
function changed(
  file: Uint8Array,
  change: (metadata: Record<string, unknown>, tensors: Map<string, Tensor>) => void,
): Uint8Array {
  const { metadata, tensors } = readSafetensors(file);
  const known = JSON.parse(metadata.eddy) as Record<string, unknown>;
  change(known, tensors);
  return writeSafetensors(tensors, { eddy: JSON.stringify(known) });
}

function weightsDiffer(a: TrainableModel, b: TrainableModel): string[] {
  const [x, y] = [a.weights(), b.weights()];
  return Object.keys(x).filter(name => firstDifference(x[name], y[name]) >= 0);
}

test('the shapes of a configuration are those of its layout', t => {
  for (const one of configs) {
    const tensors = layoutParameters(one).tensors.map(({ name, shape }) => [name, shape]);
    t.deepEqual([...weightShapes(one)], tensors as [string, number[]][]);
  }
});

test('a model that is saved and loaded has the same weights, and steps the same bits', async t => {
  for (const one of configs) {
    const model = await createModel(
      { ...one, encoder: { kind: 'x', b: [1, { d: null, c: 'é\ud800' }], a: 0.1 }, labels: labels(one) },
      { seed: 3 },
    );
    const file = saveModel(model);
    const loaded = await loadModel(file);
    t.deepEqual(loaded.config, model.config);
    t.deepEqual(weightsDiffer(model, loaded), []);
    t.deepEqual(saveModel(loaded), file);

    const random = createRandom(8);
    let [a, b] = [model.zeroCarry(), loaded.zeroCarry()];
    for (let i = 0; i < 5; i++) {
      const input = randomInput(random, model);
      const [x, y] = [model.step(a, input), loaded.step(b, input)];
      t.is(firstDifference(x.prediction, y.prediction), -1);
      [a, b] = [x.carry, y.carry];
    }
    t.is(firstDifference(a, b), -1);

    const [name] = Object.keys(model.weights());
    loaded.setWeights({ [name]: loaded.weights()[name].map((value, i) => (i === 0 ? value + 1 : value)) });
    t.deepEqual(weightsDiffer(model, loaded), [name]);
  }
});

function labels({ output }: ModelConfig): string[] {
  return Array.from({ length: output.size }, (_, i) => `output ${i}`);
}

test('equal settings give equal bytes, in whatever order their fields were written', async t => {
  const base = config('gru', [4]);
  const one = await createModel({ ...base, encoder: { kind: 'x', a: { c: 1, b: [2] } } });
  const other = await createModel({ encoder: { a: { b: [2], c: 1 }, kind: 'x' }, ...base });
  t.deepEqual(saveModel(one), saveModel(other));
  t.notDeepEqual(
    saveModel(one),
    saveModel(await createModel({ ...base, encoder: { kind: 'x', a: { c: 1, b: [3] } } })),
  );
});

test('the tensors have the names and shapes of PyTorch, and the configuration is in the metadata', async t => {
  const { metadata, tensors } = readSafetensors(saveModel(await createModel(config('lstm', [5]))));
  t.deepEqual([...tensors].map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape}]`).sort(), [
    'bias_hh_l0 F32 [20]',
    'bias_ih_l0 F32 [20]',
    'readout.bias F32 [2]',
    'readout.weight F32 [2,5]',
    'weight_hh_l0 F32 [20,5]',
    'weight_ih_l0 F32 [20,3]',
  ]);
  t.deepEqual(Object.keys(JSON.parse(metadata.eddy)), ['config', 'format']);
});

const refusals: readonly {
  title: string;
  change: (metadata: Record<string, unknown>, tensors: Map<string, Tensor>) => void;
  message: RegExp;
}[] = [
  {
    title: 'of another cell',
    change: metadata => {
      (metadata.config as { layers: object[] }).layers = [{ cell: 'lstm', size: 5 }];
    },
    message: /Expected tensor "weight_ih_l0" to be F32 \[20, 3\], as the config asks \(lstm 5\), got F32 \[15, 3\]/,
  },
  {
    title: 'with a tensor missing',
    change: (_, tensors) => tensors.delete('bias_hh_l0'),
    message: /Expected tensor "bias_hh_l0" to be F32 \[15\].*got no such tensor/,
  },
  {
    title: 'with a tensor too many',
    change: (_, tensors) => tensors.set('weight_ih_l1', tensorOf(new Float32Array(6), [2, 3])),
    message: /Expected no tensors but those of the config \(gru 5\), got "weight_ih_l1", F32 \[2, 3\]/,
  },
  {
    title: 'with tensors of a learner, which it is not',
    change: (_, tensors) => tensors.set('trainer.counters', tensorOf(new Float64Array(6))),
    message: /got "trainer.counters", F64 \[6\]/,
  },
  {
    title: 'of the right size and another shape',
    change: (_, tensors) => tensors.set('weight_ih_l0', tensorOf(new Float32Array(45), [3, 15])),
    message: /Expected tensor "weight_ih_l0" to be F32 \[15, 3\].*got F32 \[3, 15\]/,
  },
  {
    title: 'of float64',
    change: (_, tensors) => tensors.set('readout.bias', tensorOf(new Float64Array(2))),
    message: /Expected tensor "readout.bias" to be F32 \[2\].*got F64 \[2\]/,
  },
  {
    title: 'with a weight that is NaN',
    change: (_, tensors) => tensors.set('readout.bias', tensorOf(Float32Array.of(0, Number.NaN))),
    message: /Expected tensor "readout.bias" to have finite numbers, got NaN at 1/,
  },
  {
    title: 'with an infinite weight',
    change: (_, tensors) => tensors.set('readout.bias', tensorOf(Float32Array.of(Number.NEGATIVE_INFINITY, 1))),
    message: /got -Infinity at 0/,
  },
  {
    title: 'of a format to come',
    change: metadata => {
      metadata.format = checkpointFormat + 1;
    },
    message: /Expected a checkpoint of format 1, got 2: a newer eddy wrote it/,
  },
  {
    title: 'without a format',
    change: metadata => {
      delete metadata.format;
    },
    message: /Expected a checkpoint of format 1, got undefined/,
  },
  {
    title: 'without a config',
    change: metadata => {
      delete metadata.config;
    },
    message: /valid config. Expected config to be an object/,
  },
  {
    title: 'with a size that is no size',
    change: metadata => {
      (metadata.config as { layers: object[] }).layers = [{ cell: 'gru', size: -5 }];
    },
    message: /Expected layers\[0\].size to be an integer from 1 to 65536, got -5/,
  },
];

for (const { title, change, message } of refusals) {
  test(`a checkpoint ${title} is refused`, async t => {
    const file = saveModel(await createModel(config('gru', [5])));
    await t.throwsAsync(async () => loadModel(changed(file, change)), { instanceOf: CheckpointError, message });
    await t.notThrowsAsync(async () => loadModel(changed(file, () => {})));
  });
}

test('weights of every size and sign keep their bits', async t => {
  const model = await createModel(config('rnn_tanh', [2]));
  const odd = Float32Array.of(-0, 1e-45, -3.4028234663852886e38, 1.1754943508222875e-38);
  model.setWeights({ weight_hh_l0: odd });
  t.is(firstDifference((await loadModel(saveModel(model))).weights().weight_hh_l0, odd), -1);
  t.is(firstDifference(odd, [0, 0, 0, 0]), 0);
});

test('what is no Uint8Array is refused with the way out', async t => {
  const { buffer } = saveModel(await createModel(config('gru', [2])));
  await t.throwsAsync(async () => loadModel(buffer as unknown as Uint8Array), {
    instanceOf: CheckpointError,
    message: /Expected a safetensors file to be a Uint8Array, got ArrayBuffer: make one with new Uint8Array/,
  });
  await t.notThrowsAsync(async () => loadModel(new Uint8Array(buffer)));
});

test('a file of another library, text, and a file cut short are refused', async t => {
  const file = saveModel(await createModel(config('gru', [5])));
  const { tensors } = readSafetensors(file);
  const refused = (bytes: Uint8Array, message: RegExp) =>
    t.throwsAsync(async () => loadModel(bytes), { instanceOf: CheckpointError, message });
  await refused(writeSafetensors(tensors, { format: 'pt' }), /metadata eddy, got one without/);
  await refused(writeSafetensors(tensors, { eddy: '{' }), /to be JSON, got "{"/);
  await refused(writeSafetensors(tensors, { eddy: '[1]' }), /to be a JSON object/);
  await refused(writeSafetensors(tensors, { eddy: 'null' }), /to be a JSON object/);
  await refused(new TextEncoder().encode('time,cpu\n1,0.5\n'), /is this a safetensors file/);
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  const nested = `{"format":1,"config":{"input":${deep}}}`;
  await refused(writeSafetensors(tensors, { eddy: nested }), /valid config.*input to be an object, got/);
  for (const length of [0, 7, 8, 100, file.length - 1]) await refused(file.subarray(0, length), /Expected/);
});

test.serial('a header that claims great sizes allocates nothing', async t => {
  const file = saveModel(await createModel(config('gru', [5])));
  const huge = changed(file, metadata => {
    metadata.config = {
      input: { kind: 'features', size: 65_536 },
      layers: Array.from({ length: 64 }, () => ({ cell: 'lstm', size: 65_536 })),
      output: { kind: 'values', size: 65_536 },
      skip: true,
    };
  });
  const allocated: number[] = [];
  const restore = watchAllocations(allocated);
  t.teardown(restore);
  await t.throwsAsync(async () => loadModel(huge), { instanceOf: CheckpointError, message: /weight_ih_l0/ });
  restore();
  t.true(
    allocated.every(bytes => bytes <= 2 * file.length),
    `allocated ${Math.max(...allocated)} bytes`,
  );
  // The watch sees what a model does allocate.
  const again = watchAllocations(allocated);
  t.teardown(again);
  await createModel(config('gru', [500]));
  again();
  t.true(allocated.some(bytes => bytes > 500_000));
});

/** Writes down the size of each typed array and buffer that is made by length, until the returned function is called. */
function watchAllocations(into: number[]): () => void {
  const names = ['Float32Array', 'Float64Array', 'Int32Array', 'Uint8Array', 'ArrayBuffer'] as const;
  const scope = globalThis as unknown as Record<string, new (...given: unknown[]) => { byteLength: number }>;
  const before = names.map(name => scope[name]);
  names.forEach((name, i) => {
    scope[name] = new Proxy(before[i], {
      construct(target, given, newTarget) {
        const made = Reflect.construct(target, given, newTarget) as { byteLength: number };
        if (typeof given[0] === 'number') into.push(made.byteLength);
        return made;
      },
    });
  });
  return () => {
    names.forEach((name, i) => {
      scope[name] = before[i];
    });
  };
}

test('what is no model is not saved, and the promise of one is told as that', async t => {
  const promise = createModel(config('gru', [2]));
  for (const [given, message] of [
    [promise, /Expected model to be .* got Promise: await it/],
    [undefined, /got undefined/],
    [createTrainer(await promise), /got Object/],
  ] as const) {
    t.throws(() => saveModel(given as never), { instanceOf: ConfigError, message });
    await t.throwsAsync(copyModel(given as never), { instanceOf: ConfigError, message });
  }
});

test('a model with a weight or a setting that no file can hold is not saved', async t => {
  const model = await createModel(config('gru', [2]));
  // As an update could leave it: setWeights takes finite numbers alone.
  const bias = model.network.parameters.tensors.find(tensor => tensor.name === 'readout.bias')!;
  model.network.kernels.arena.floats[model.network.weights + bias.places[1]] = Number.NaN;
  t.throws(() => saveModel(model), {
    instanceOf: CheckpointError,
    message: /Expected tensor "readout.bias" to have finite numbers, got NaN at 1/,
  });
  const odd = await createModel({ ...config('gru', [2]), encoder: { kind: 'x', clamp: Number.POSITIVE_INFINITY } });
  t.throws(() => saveModel(odd), { instanceOf: CheckpointError, message: /Expected "clamp" to be a finite number/ });
  const circle: Record<string, unknown> = {};
  circle.again = circle;
  for (const setting of [circle, 1n, () => 1]) {
    const one = await createModel({ ...config('gru', [2]), encoder: { kind: 'x', setting } });
    t.throws(() => saveModel(one), { instanceOf: CheckpointError, message: /plain data/ });
  }
});
