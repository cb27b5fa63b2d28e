import { Command, Option } from 'commander';
import type { Encoder } from '../encoders/encoder.js';
import { createEncoder } from '../encoders/encoders.js';
import type { Point } from '../encoders/strokes.js';
import { ConfigError } from '../errors.js';
import { inkSvg } from '../interchange/svg.js';
import { modelOf } from '../model/checkpoint.js';
import type { TrainableModel } from '../model/model.js';
import { sample } from '../model/sample.js';
import { write } from '../operators/write.js';
import { writeLine } from '../operators/write-line.js';
import { createRandom } from '../random.js';
import { labelOf } from './answer.js';
import { readCheckpointFile } from './checkpoint-file.js';
import { turn } from './events.js';
import { examples } from './examples.js';
import { integer, number } from './settings.js';
import { createSink } from './sink.js';
import { inputSize, outputSize } from './sizes.js';

interface GenerateOptions {
  readonly prime: string;
  readonly length: number;
  readonly temperature: number;
  readonly topK?: number;
  readonly seed: number;
  readonly svg?: boolean;
  readonly text?: string;
  readonly bias?: number;
}

const example = examples(
  ['eddy generate text.eddy --length 500'],
  ['eddy generate text.eddy --prime "To be" --temperature 0.7 --top-k 20'],
  ['eddy generate hand.safetensors --svg --text "12 may" --bias 1 > day.svg'],
);

export function generateCommand(): Command {
  return new Command('generate')
    .summary('let a network of text, or of ink, write')
    .description(
      'Writes text: each token is drawn from what the network foretells, and is its next input. Or handwriting, offset by offset.',
    )
    .argument('<file>', 'a checkpoint of a network of text or of ink')
    .addOption(new Option('--prime <text>', 'what it reads before it writes').default(lineEnd, 'a line end'))
    .addOption(integer('--length <n>', 'tokens to write', 1).default(1000))
    .addOption(number('--temperature <t>', 'below 1 bolder, above 1 wilder, 0 the likeliest', 0).default(1))
    .addOption(integer('--top-k <k>', 'draw from the k likeliest alone', 1))
    .addOption(integer('--seed <n>', 'the same seed writes the same', 0).default(0))
    .optionsGroup('Of ink:')
    .option('--svg', 'draw it, as an SVG document')
    .option('--text <text>', 'what to write (default: each letter that it knows)')
    .addOption(number('--bias <b>', 'the larger, the neater (default: 0.5)', 0))
    .addHelpText('after', example)
    .action(generate);
}

const lineEnd = '\n';

/** Steps between two looks at whether somebody still reads. */
const stretch = 256;

async function generate(path: string, options: GenerateOptions, command: Command): Promise<void> {
  const model = await modelOf((await readCheckpointFile(path)).checkpoint);
  const { input, output, encoder } = model.config;
  const ink = output.kind === 'mixture';
  const others = ink ? (['prime', 'length', 'temperature', 'topK'] as const) : (['svg', 'text', 'bias'] as const);
  for (const name of others) {
    if (command.getOptionValueSource(name) !== 'cli') continue;
    const [wanted, got] = ink ? ['text', 'ink'] : ['ink', 'another kind'];
    throw new ConfigError(
      `Expected a network of ${wanted} with --${name === 'topK' ? 'top-k' : name}, got one of ${got}`,
    );
  }
  if (ink) {
    process.stdout.write(draw(model, options));
    return;
  }
  if (input.kind !== 'token' || output.kind !== 'classes' || output.size > input.size) {
    throw new ConfigError(
      `Expected a network of text, with tokens in and classes out, got ${inputSize(input)} and ${outputSize(output)}`,
    );
  }
  const known = createEncoder(encoder ?? { kind: 'bytes' }) as Encoder<string, unknown, number>;
  const read = known.encode(known.initial(), options.prime);
  const prime = [...read.inputs, ...known.finish(read.state)];
  if (prime.length === 0) throw new ConfigError('Expected --prime to have at least one character, got none');
  const strange = strangersIn(options.prime, encoder);
  if (strange.length > 0) sayStrange(strange, '--prime');

  const random = createRandom(options.seed);
  const { temperature, topK } = options;
  let carry = model.zeroCarry();
  for (const token of prime.slice(0, -1)) carry = model.step(carry, token).carry;

  const bytes = (encoder?.kind ?? 'bytes') === 'bytes';
  const label = labelOf(model.config);
  const sink = createSink(process.stdout);
  let last = prime[prime.length - 1];
  for (let left = options.length; left > 0 && !sink.closed; left -= stretch) {
    const tokens = Array.from({ length: Math.min(stretch, left) }, () => {
      const step = model.step(carry, last);
      carry = step.carry;
      last = sample(step.logits, { temperature, topK: topK ?? step.logits.length }, random);
      return last;
    });
    sink.write(bytes ? Uint8Array.from(tokens) : tokens.map(label).join(''));
    await sink.flush();
    await turn();
  }
  await sink.end();
}

/** The characters that are all one token to the network, since its vocabulary lacks them; each once. */
function strangersIn(text: string, encoder: TrainableModel['config']['encoder']): string[] {
  if (encoder?.kind !== 'characters' || text === lineEnd) return [];
  const known = new Set(String(encoder.vocabulary));
  return [...new Set(text)].filter(character => !known.has(character));
}

function sayStrange(letters: readonly string[], option: string): void {
  process.stderr.write(
    `eddy: the network does not know ${letters.map(one => JSON.stringify(one)).join(', ')} of ${option}\n`,
  );
}

/** What a network of ink writes, as SVG. */
function draw(model: TrainableModel, { svg, text, bias = 0.5, seed }: GenerateOptions): string {
  const { encoder } = model.config;
  const letters = String(encoder?.letters ?? '');
  if (!svg) throw new ConfigError('Expected --svg with a network of ink: it draws');
  if (letters === '' && text === undefined) {
    const points: Point[] = [];
    write(model, { bias, seed }).subscribe(point => points.push(point));
    return inkSvg(points);
  }
  if (text !== undefined && ![...text].some(letter => letters.includes(letter)))
    throw new ConfigError(`Expected --text to have one of the letters ${letters || '(it knows none)'}, got ${text}`);
  const strange = [...new Set(text ?? '')].filter(letter => letter !== ' ' && !letters.includes(letter));
  if (strange.length > 0) sayStrange(strange, '--text');
  return inkSvg(writeLine(model, text ?? letters, { bias, seed }));
}
