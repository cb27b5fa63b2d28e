import test from 'ava';
import { encodeSequence, inUnits, makeLesson } from '../../src/cli/lesson.js';
import type { Raw, RawFile } from '../../src/cli/sequences.js';
import { InputError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';

const raw = (inputs: Raw['inputs'], targets: Raw['targets'], named = false): Raw => ({
  from: 'f:1',
  inputs,
  targets,
  named,
});
const rows = (...sequences: Raw[]): RawFile => ({ kind: 'rows', told: [], columns: ['a', 'b'], sequences });

test('statistics are of the training part alone; a column with gaps may be missing', t => {
  const training = [
    raw(
      [
        [1, 10],
        [3, null],
      ],
      [null, 'x'],
      true,
    ),
    raw([[5, 30]], ['y'], true),
  ];
  const lesson = makeLesson(rows(...training, raw([[1000, 1000]], ['z'], true)), training);
  t.deepEqual(lesson.encoder, {
    kind: 'readings',
    columns: [{ name: 'a' }, { name: 'b', nullable: true }],
    statistics: [
      { count: 3, mean: 3, variance: 8 / 3 },
      { count: 2, mean: 20, variance: 100 },
    ],
  });
  t.deepEqual(
    [lesson.input, lesson.output, lesson.labels],
    [{ kind: 'features', size: 3 }, { kind: 'classes', size: 2 }, ['x', 'y']],
  );
  t.throws(() => encodeSequence(lesson, raw([[1, 1]], ['z'], true)), { message: /targets of f:1 .* got "z"/ });
});

test('labels that are numbers stand by size', t => {
  const training = ['10', '9', 'b', '-1', 'a', '9'].map(label => raw([[0, 0]], [label], true));
  t.deepEqual(makeLesson(rows(...training), training).labels, ['-1', '9', '10', 'a', 'b']);
});

test('a class is a word or a number: a list or a record is refused, with where it stands', t => {
  const good = [raw([[1, 2]], ['x'], true), raw([[1, 2]], [true], true)];
  const learned = makeLesson(rows(...good), good);
  t.deepEqual(learned.labels, ['true', 'x']);
  for (const [name, shown] of [
    [{ word: 'x' }, '{"word":"x"}'],
    [['x'], '["x"]'],
  ] as const) {
    const bad = [...good, raw([[3, 4]], [name], true)];
    const message = `Expected the class of f:1 to be a word or a number, got ${shown}`;
    t.throws(() => makeLesson(rows(...bad), bad), { instanceOf: InputError, message });
    t.throws(() => encodeSequence(learned, raw([[1, 1]], [name], true)), { instanceOf: InputError, message });
  }
});

test('values are learned in deviations, and said in the unit of the data', async t => {
  const training = [
    raw(
      [
        [0, 0],
        [1, 1],
      ],
      [
        [100, -1],
        [300, -3],
      ],
    ),
    raw([[2, 2]], [[200, -2]]),
  ];
  const lesson = makeLesson(rows(...training), training);
  const { targets } = encodeSequence(lesson, training[0]);
  const unit = Math.sqrt(20000 / 3);
  t.deepEqual(targets[1], Float32Array.of(100 / unit, -100 / unit));

  const model = await createModel(
    { input: lesson.input, layers: [{ cell: 'gru', size: 4 }], output: lesson.output },
    { seed: 3 },
  );
  const input = Float32Array.of(0.5, -0.5);
  const standard = model.step(model.zeroCarry(), input).prediction;
  model.setWeights(inUnits(lesson, model.weights()));
  const said = model.step(model.zeroCarry(), input).prediction;
  const wanted = [200 + unit * standard[0], -2 + (unit / 100) * standard[1]];
  wanted.forEach((value, i) => {
    t.true(Math.abs(said[i] - value) < 1e-5 * Math.abs(value), `${said[i]} and ${value}`);
  });
  t.true(Math.abs(said[0] - standard[0]) > 100);
});

test('tokens that foretell the next are classes without names', t => {
  const training = [raw([0, 3, 1], [3, 1, 2], true)];
  const lesson = makeLesson({ kind: 'tokens', told: [], columns: [], sequences: training }, training);
  t.deepEqual([lesson.input.size, lesson.output, lesson.labels], [4, { kind: 'classes', size: 4 }, undefined]);
  t.throws(() => encodeSequence(lesson, raw([4], [0], true)), { message: /f:1 to have tokens from 0 to 3, got 4/ });
});
