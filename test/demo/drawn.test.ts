import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ExecutionContext } from 'ava';
import type { Ink } from '../../src/interchange/ink.js';
import { loadModel } from '../../src/model/checkpoint.js';
import type { TrainableModel } from '../../src/model/model.js';
import { evaluate } from '../../src/training/evaluate.js';
import { createTrainer } from '../../src/training/trainer.js';
import { demoModule } from '../helpers/demo-modules.js';
import { repositoryRoot } from '../helpers/repository.js';
import { sharedPath, sharedTest } from '../helpers/shared.js';

const folder = join(repositoryRoot, 'demo/models');
const load = (name: string): Promise<TrainableModel> => loadModel(readFileSync(join(folder, `${name}.safetensors`)));
// What the trainings use; it looks for the data by itself.
const data = () => import(pathToFileURL(join(folder, 'ink.js')).href);

interface Sequence {
  readonly inputs: readonly Float32Array[];
  readonly answer: number;
}

/** How often the last answer is right. */
function share(model: TrainableModel, sequences: readonly Sequence[]): number {
  const asked = sequences.map(({ inputs, answer }) => ({
    inputs,
    targets: inputs.map((_, i) => (i === inputs.length - 1 ? answer : null)),
  }));
  return evaluate(createTrainer(model), asked).accuracy!;
}

const figure = (t: ExecutionContext, name: string, value: number, least: number): void => {
  t.log(`${name}: ${(100 * value).toFixed(2)} %`);
  t.true(value >= least, `${name}: ${value}`);
};

sharedTest('digits of writers that were held out are read at pen-up', 'handwriting/pendigits-orig', async t => {
  const { readDigits, heldOut, createStrokes, judge } = await data();
  const model = await load('drawn-digits');
  const held = readDigits().filter((ink: { writer: number }) => heldOut.includes(ink.writer));
  t.is(held.length, 1499);
  const { whole, half } = judge(model, createStrokes(model.config.encoder), held, (ink: Ink) => Number(ink.label));
  figure(t, 'at pen-up', whole, 0.97);
  figure(t, 'after half of the points', half, 0.7);
});

sharedTest(
  'three symbols of three drawings each are learned beside the digits, which stay; without digits to look at again they are forgotten',
  ['handwriting/pendigits-orig', 'handwriting/omniglot'],
  async t => {
    const [{ lessonOf, namesOf, encodeAll, lessons }, { writeDigits }] = [
      await demoModule('draw/lessons.ts'),
      await demoModule('draw/replay.ts'),
    ];
    const { readDigits, heldOut, createStrokes } = await data();
    const before = await load('drawn-digits');
    const encoder = createStrokes(before.config.encoder);
    const kept = await writeDigits(await load('hand'), before);
    t.true(kept.learned.length > 150 && kept.asked.length > 30);

    const digits: Sequence[] = readDigits()
      .filter((ink: { writer: number }, i: number) => heldOut.includes(ink.writer) && i % 6 === 0)
      .map(({ label, points }: Ink) => ({ inputs: encodeAll(encoder, points), answer: Number(label) }));
    /** Drawings of one symbol by several people, as large as digits are. */
    const drawings = readFileSync(sharedPath('handwriting/omniglot/strokes.ndjson'), 'utf8').trim().split('\n');
    const drawn = (symbol: string) =>
      drawings
        .map(line => JSON.parse(line))
        .filter(({ alphabet, character }) => `${alphabet}/${character}` === symbol)
        .map(({ strokes }) =>
          strokes.flatMap((stroke: number[][]) =>
            stroke.map(([x, y, time], i) => ({ x: 2 * x, y: -2 * y, time, up: i === stroke.length - 1 })),
          ),
        );
    const symbols = ['Balinese/character06', 'Early_Aramaic/character05', 'Greek/character06'].map(name => ({
      name,
      points: drawn(name),
    }));

    const teach = async (replay: readonly Sequence[]) => {
      const model = await load('drawn-digits');
      const trainer = createTrainer(model, lessons);
      let taught: { name: string; points: unknown }[] = [];
      for (let i = 0; i < 3; i++)
        for (const { name, points } of symbols) {
          taught = [...taught, { name, points: points[i] }];
          const names = namesOf(model.config.labels, 10, taught);
          for (const { inputs, answer } of lessonOf(taught, names, replay, encoder) as Sequence[])
            trainer.learn({
              carry: model.zeroCarry(),
              inputs,
              targets: inputs.map((_, at) => (at === inputs.length - 1 ? answer : null)),
            });
        }
      const fresh = symbols.flatMap(({ points }, i) =>
        points.slice(3).map((one: unknown) => ({ inputs: encodeAll(encoder, one), answer: 10 + i })),
      );
      return { symbols: share(model, fresh), digits: share(model, digits) };
    };
    figure(t, 'digits before', share(before, digits), 0.97);
    const after = await teach(kept.learned);
    figure(t, 'symbols, drawn by others than those who taught them', after.symbols, 0.7);
    figure(t, 'digits after', after.digits, 0.95);
    const forgetful = await teach([]);
    t.log(`digits after, with nothing to look at again: ${(100 * forgetful.digits).toFixed(2)} %`);
    t.true(forgetful.digits < 0.9);
  },
);

sharedTest('letters that were held out are read at pen-up', 'handwriting/character-trajectories', async t => {
  const { readLetters, createStrokes, judge } = await data();
  const model = await load('drawn-letters');
  const held = readLetters('dev');
  const { whole } = judge(model, createStrokes(model.config.encoder), held, (ink: Ink) =>
    model.config.labels!.indexOf(ink.label!),
  );
  figure(t, 'at pen-up', whole, 0.985);
});
