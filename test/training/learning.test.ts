import { readFileSync } from 'node:fs';
import test from 'ava';
import { from, Subject } from 'rxjs';
import type { CellKind } from '../../src/cells/cell.js';
import type { TrainerOptions } from '../../src/index.js';
import { createModel, type TrainableModel } from '../../src/model/model.js';
import { next } from '../../src/operators/next.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { type KeyedExample, tbpttMany } from '../../src/operators/tbptt-many.js';
import { createRandom } from '../../src/random.js';
import { createTrainer } from '../../src/training/trainer.js';
import { sharedPath, sharedTest } from '../helpers/shared.js';

/*
 * Delayed echo: at each step one of four symbols, drawn; the target is the symbol of `delay` steps ago, so chance is 1/4.
 *
 * With k1 = 1 the gradient of each loss goes back exactly k2 steps. With k2 = delay + 1 it reaches the step at which the
 * symbol came, and with k2 = delay it stops one step short. Then the input weights have no reason to say which symbol came.
 * But a random recurrence echoes by itself, and its echo could be read out: so the input weights begin at zero. And the
 * noise of single examples would in time give the symbols random marks: so each update is the mean of many streams, and
 * the truncated learner gets as many examples as the other one needed, and no more.
 */
const symbols = 4;
const chance = 1 / symbols;
const units = 32;
/** Steps of each stream between two looks at the accuracy. */
const rounds = 25;
const mostRounds = 4000;

interface Echo {
  readonly cell: CellKind;
  readonly delay: number;
  readonly k2: number;
  readonly seed: number;
}

/** Orthogonal recurrence, no inputs, and gates that hold: a bias of 1 for an LSTM to keep its c, a GRU its h. */
async function blank({ cell, seed }: Echo): Promise<TrainableModel> {
  const model = await createModel(
    {
      input: { kind: 'token', size: symbols },
      layers: [{ cell, size: units, initialization: 'orthogonal' }],
      output: { kind: 'classes', size: symbols },
    },
    { seed },
  );
  const { weight_ih_l0: inputs, bias_ih_l0: bias } = model.weights();
  // The second of PyTorch's gates: f of an LSTM, z of a GRU.
  if (cell !== 'rnn_tanh') bias.fill(1, units, 2 * units);
  model.setWeights({ weight_ih_l0: inputs.fill(0), bias_ih_l0: bias });
  return model;
}

const largest = (values: Float32Array): number => values.indexOf(Math.max(...values));

/** Learns until the accuracy of the newest predictions reaches `enough`, or for so many rounds. */
async function learnEcho(echo: Echo, enough: number, most: number): Promise<{ accuracy: number; rounds: number }> {
  const { cell, delay, k2, seed } = echo;
  // The shorter the way, the sooner an echo is found by chance: so the steps are smaller, and each the mean of more streams.
  const rate = delay === 1 ? 0.0005 : cell === 'rnn_tanh' ? 0.001 : delay === 2 ? 0.003 : 0.01;
  const streams = delay === 1 ? 64 : 32;
  const trainer = createTrainer(await blank(echo), { k1: 1, k2, optimizer: { kind: 'adam', rate, beta1: 0.9 } });
  const source = new Subject<KeyedExample<number, number>>();
  let right = 0;
  source.pipe(tbpttMany<number, number>(trainer)).subscribe(event => {
    if (event.kind === 'step' && largest(event.step.prediction) === event.target) right++;
  });
  const random = createRandom(1000 + seed);
  const heard: number[][] = Array.from({ length: streams }, () => []);
  let accuracy = 0;
  for (let round = 1; round <= most; round++) {
    for (let key = 0; key < streams; key++) {
      const input = random.integer(symbols);
      heard[key].push(input);
      source.next({ key, input, target: heard[key][heard[key].length - 1 - delay] ?? null });
    }
    if (round % rounds !== 0) continue;
    accuracy = right / (rounds * streams);
    right = 0;
    if (accuracy >= enough) return { accuracy, rounds: round };
  }
  return { accuracy, rounds: most };
}

/** `ECHO_SEEDS=3 npx ava dist/test/training/learning.test.js` for more of them. */
const echoSeeds = Array.from({ length: Number(process.env.ECHO_SEEDS ?? 1) }, (_, i) => i + 1);

for (const cell of ['rnn_tanh', 'gru', 'lstm'] as const) {
  for (const delay of [1, 2, 3, 4, 5]) {
    test(`${cell} learns an echo of ${delay} steps with k1 = 1 and k2 = ${delay + 1}, and not with k2 = ${delay}`, async t => {
      for (const seed of echoSeeds) {
        const whole = await learnEcho({ cell, delay, k2: delay + 1, seed }, 0.95, mostRounds);
        const cut = await learnEcho({ cell, delay, k2: delay, seed }, 2, whole.rounds);
        t.log(`seed ${seed}, ${whole.rounds} rounds: ${whole.accuracy.toFixed(3)}, cut ${cut.accuracy.toFixed(3)}`);
        t.true(whole.accuracy >= 0.95, `seed ${seed}: ${whole.accuracy}`);
        t.true(Math.abs(cut.accuracy - chance) <= 0.15, `seed ${seed}, cut: ${cut.accuracy}`);
      }
    });
  }
}

/** The prequential losses of a stream that is its own teacher, in nats, each scored before it was learned from. */
function prequentialLosses<In extends number | Float32Array>(
  model: TrainableModel,
  inputs: Iterable<In>,
  options: TrainerOptions,
): number[] {
  const losses: number[] = [];
  from(inputs)
    .pipe(next<In>(), tbptt<In>(createTrainer(model, options)))
    .subscribe(event => {
      if (event.kind === 'late') losses.push(event.loss!);
    });
  return losses;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** sin(2πt / 25), by turning a vector a little at each step. */
function* sine(count: number): Generator<Float32Array> {
  // cos and sin of 2π / 25
  const [c, s] = [0.968583161128631, 0.248689887164855];
  let [x, y] = [0, 1];
  for (let t = 0; t < count; t++) {
    yield Float32Array.of(x);
    [x, y] = [x * c + y * s, y * c - x * s];
  }
}

test('the next value of a sine is learned as it comes, far better than persistence', async t => {
  const values = [...sine(4000)].map(([x]) => x);
  const persistence = mean(values.slice(1).map((x, i) => 0.5 * (x - values[i]) ** 2));
  for (const seed of [1, 2, 3]) {
    const model = await createModel(
      {
        input: { kind: 'features', size: 1 },
        layers: [{ cell: 'gru', size: 16 }],
        output: { kind: 'values', size: 1 },
      },
      { seed },
    );
    const losses = prequentialLosses(model, sine(4000), { k1: 1, k2: 8, optimizer: { kind: 'adam', rate: 0.005 } });
    t.is(losses.length, 3999);
    const [first, last] = [mean(losses.slice(0, 100)), mean(losses.slice(-1000))];
    t.log(
      `seed ${seed}: ${first.toExponential(1)}, then ${last.toExponential(1)}, persistence ${persistence.toExponential(1)}`,
    );
    t.true(last < 0.0012, `seed ${seed}: ${last}`);
    t.true(last < persistence / 12, `seed ${seed}: ${last}`);
    t.true(last < first / 20, `seed ${seed}: ${first}, then ${last}`);
  }
});

/** A model of the characters of a text, and the text as tokens. */
async function characters(text: string, size: number, seed: number) {
  const labels = [...new Set(text)].sort();
  const tokens = Array.from(text, character => labels.indexOf(character));
  const model = await createModel(
    {
      input: { kind: 'token', size: labels.length },
      layers: [{ cell: 'gru', size }],
      output: { kind: 'classes', size: labels.length },
      labels,
    },
    { seed },
  );
  return { model, tokens };
}

/** Bits of a character that is guessed from how often each comes, its own included: what a network without memory could reach. */
function entropy(tokens: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum - (n / tokens.length) * Math.log2(n / tokens.length), 0);
}

const options: TrainerOptions = { k1: 4, k2: 16, optimizer: { kind: 'adam', rate: 0.005 } };

test('a line that is said again and again is known by heart', async t => {
  const line = 'how much wood would a woodchuck chuck if a woodchuck could chuck wood? ';
  for (const seed of [1, 2, 3]) {
    const { model, tokens } = await characters(line.repeat(60), 32, seed);
    const losses = prequentialLosses(model, tokens, options).map(loss => loss / Math.LN2);
    const [first, last] = [mean(losses.slice(0, line.length)), mean(losses.slice(-10 * line.length))];
    t.log(`seed ${seed}: ${first.toFixed(2)} bits a character, then ${last.toFixed(3)}`);
    t.true(first > 3, `seed ${seed}: ${first}`);
    t.true(last < 0.25, `seed ${seed}: ${last}`);
  }
});

sharedTest('20,000 characters of plays are learned as they come', 'tokens/tinyshakespeare.txt', async t => {
  const text = readFileSync(sharedPath('tokens/tinyshakespeare.txt'), 'utf8').slice(0, 20_000);
  const { model, tokens } = await characters(text, 48, 1);
  const losses = prequentialLosses(model, tokens, options).map(loss => loss / Math.LN2);
  const [first, last] = [mean(losses.slice(0, 1000)), mean(losses.slice(-5000))];
  const alone = entropy(tokens);
  t.log(`${first.toFixed(2)} bits a character, then ${last.toFixed(3)}; by frequency alone ${alone.toFixed(2)}`);
  t.true(first > 4, `${first}`);
  t.true(last < 3.3, `${last}`);
  t.true(last < alone - 1.2, `${last} and ${alone}`);
});
