import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { CellKind } from '../cells/cell.js';
import { cells } from '../cells/cells.js';
import { ConfigError } from '../errors.js';
import { writeCheckpoint } from '../model/checkpoint.js';
import type { ModelConfig, OutputKind } from '../model/config.js';
import { copyModel, createModel } from '../model/model.js';
import { writeWhole } from '../server/whole.js';
import { type Epoch, fit, withNoise } from '../training/fit.js';
import { createTrainer } from '../training/trainer.js';
import { given } from '../wire/settings.js';
import { createBar } from './bar.js';
import { examples } from './examples.js';
import { holdOut, type Parts } from './held-out.js';
import { hints } from './hints.js';
import { checkApart, checkPlace } from './keep.js';
import { encodeSequence, inUnits, type Lesson, makeLesson } from './lesson.js';
import { readLessons } from './lessons.js';
import { counted } from './numbers.js';
import { lossPlot } from './plot.js';
import type { Raw, RawFile, ReadOptions } from './sequences.js';
import { choice, integer, names, number, positive } from './settings.js';
import { onSignal } from './signals.js';
import { inputSize, outputSize } from './sizes.js';

interface TrainOptions extends ReadOptions {
  readonly out: string;
  readonly output?: OutputKind;
  readonly cell: CellKind;
  readonly hidden?: number;
  readonly layers: number;
  readonly epochs: number;
  readonly batch: number;
  readonly rate?: number;
  readonly noise: number;
  readonly dropout: number;
  readonly seed: number;
  readonly validation: number | string;
  readonly patience?: number;
  readonly plot?: string;
}

const example = `
Files:
  .ndjson, .jsonl  a sequence a line: { "inputs": [[…], …] or "tokens": […],
                   and "label" or "target" of the last step, or "labels" or
                   "targets" of each }
  .csv, .tsv       a table with --target, and --key where it holds many
                   sequences
  .wav, folders    recordings; what one says is its folder's name, or its own
                   up to the first _
  all else         text, to foretell byte by byte
${examples(
  ['eddy train letters.ndjson --out letters.safetensors --patience 5'],
  ['eddy train fleet.csv --key engine --target wear --out wear.safetensors'],
  ['eddy train recordings/ --out digits.safetensors --hidden 96 --noise 0.3'],
  ['eddy train book.txt --out book.safetensors --hidden 256 --plot loss.svg'],
)}`;

export function trainCommand(): Command {
  return new Command('train')
    .summary('learn whole sequences from files')
    .description(
      'Learns whole sequences in minibatches, holds a part out to judge by, and keeps the best network. Ctrl-C keeps it too.',
    )
    .argument('<files...>', 'JSON lines, CSV, text, or WAV files and folders of them')
    .requiredOption('-o, --out <file>', 'where the network goes')
    .optionsGroup('What is learned:')
    .option('--key <column>', 'csv: rows with one key are one sequence')
    .option('--target <column>', 'csv: what is learned; numbers are values, words are classes')
    .addOption(names('--columns <names>', 'csv: the inputs (default: all other columns of numbers)'))
    .addOption(
      choice('--at <when>', 'csv: the target of each row, or of the last (default: as it looks)', ['last', 'every']),
    )
    .option('--inputs <field>', 'ndjson: the field with the rows (default: inputs)')
    .addOption(choice('--label <where>', 'sound: where what is said stands (default: as it looks)', ['name', 'folder']))
    .option(
      '--spelled',
      'sound: its label is said letter by letter, or part by part between dashes; no frame has its own (ctc)',
    )
    .addOption(integer('--length <n>', 'text: steps of a sequence (default: 128)', 2, 65_536))
    .addOption(
      choice('--output <kind>', 'what it foretells (default: as the targets look)', ['classes', 'labels', 'values']),
    )
    .optionsGroup('The network:')
    .addOption(choice('--cell <kind>', 'of each layer', Object.keys(cells)).default('gru'))
    .addOption(integer('--hidden <units>', 'units of a layer (default: 128 for text, else 64)', 1, 65_536))
    .addOption(integer('--layers <n>', 'layers', 1, 64).default(1))
    .optionsGroup('Learning:')
    .addOption(integer('--epochs <n>', 'passes over the sequences', 1, 1_000_000).default(30))
    .addOption(integer('--batch <n>', 'sequences of an update', 1, 65_536).default(16))
    .addOption(
      positive('--rate <rate>', 'learning rate of Adam, falling to 2 % of it (default: 0.003 for text, else 0.005)'),
    )
    .addOption(number('--noise <deviation>', 'normal noise on standardised inputs while it learns', 0).default(0))
    .addOption(
      number('--dropout <share>', 'of what layers say, dropped while it learns; from 0 to below 1', 0).default(0),
    )
    .addOption(integer('--seed <n>', 'of the weights, the order and the part held out', 0).default(0))
    .addOption(
      new Option('--validation <share|file>', 'held out to judge by; 0 for none').default(0.1).argParser(shareOrFile),
    )
    .addOption(integer('--patience <n>', 'epochs without a better validation loss before it stops', 1))
    .option('--plot <file>', 'draws the loss of each epoch, as SVG (.svg) or a page (.html)')
    .addHelpText('after', example)
    .action(train);
}

function shareOrFile(text: string): number | string {
  const share = Number(text);
  if (text.trim() === '' || Number.isNaN(share)) return text;
  if (share < 0 || share >= 1) throw new InvalidArgumentError('Expected a share from 0 to below 1, or a file.');
  return share;
}

async function train(paths: readonly string[], options: TrainOptions): Promise<void> {
  const { validation, seed, epochs, batch, noise, dropout, patience } = options;
  checkPaths(paths, options);
  const files = await readAll(paths, readOptionsOf(options));
  const { kind } = files[0];
  const reading: ReadOptions = {
    ...readOptionsOf(options),
    ...(kind === 'rows' && options.target ? { columns: files[0].columns } : {}),
  };
  const raws = files.flatMap(file => file.sequences);
  const parts: Parts =
    typeof validation === 'number'
      ? holdOut(raws, validation, seed)
      : { training: raws, validation: await readJudged(validation, reading, files[0], paths[0]) };
  // A class may be in the part held out alone.
  const lesson = makeLesson(files[0], parts.training, options.output, raws);
  for (const hint of hints(files[0], parts, options.output)) process.stderr.write(`eddy: ${hint}\n`);
  if (noise > 0 && lesson.input.kind === 'token')
    throw new ConfigError(`Expected rows or sound with --noise, got ${kind}: tokens take none`);
  const encode = (some: readonly Raw[]) => some.map(raw => encodeSequence(lesson, raw));
  const [training, judged] = [encode(parts.training), encode(parts.validation)];
  if (patience !== undefined && judged.length === 0)
    throw new ConfigError('Expected sequences to judge by with --patience, got none: raise --validation');

  const rate = options.rate ?? (kind === 'text' ? 0.003 : 0.005);
  const model = await createModel(networkOf(lesson, kind, options), { seed });
  const updates = epochs * Math.ceil(training.length / batch);
  const unaligned = raws.some(raw => raw.unaligned);
  const trainer = createTrainer(model, {
    ...(unaligned ? { loss: { kind: 'ctc' as const } } : {}),
    optimizer: { kind: 'adam', rate, beta1: 0.9, schedule: { kind: 'linear', steps: updates, final: 0.02 } },
  });
  const kept = await copyModel(model);
  const save = (): void => {
    kept.setWeights(inUnits(lesson, model.weights()));
    writeWhole(options.out, writeCheckpoint(kept, { training: { reading, seed } }, new Map()));
  };

  const stop = new AbortController();
  const signal = onSignal(
    () => stop.abort(),
    status => process.exit(status),
  );
  const progress = createBar(epochs);
  const past: Epoch[] = [];
  let learned = 0;
  process.stdout.write(
    `${counted(training.length, 'sequence')} to learn from, ${parts.steps ? `its last ${counted(parts.steps, 'step')}` : judged.length} to judge by; ${inputSize(lesson.input)}, ${outputSize(lesson.output)}\n`,
  );
  try {
    const { best, stopped } = await fit(trainer, training, {
      epochs,
      batch,
      seed,
      dropout,
      ...(judged.length > 0 ? { validation: judged } : {}),
      ...(patience === undefined ? {} : { patience }),
      ...(noise > 0 ? { augment: withNoise(noise) } : {}),
      signal: stop.signal,
      onUpdate({ done, all }) {
        learned = done;
        progress.show(done, all, past.length + 1);
      },
      onEpoch: epoch => {
        past.push(epoch);
        progress.hide();
        process.stdout.write(`${describe(epoch)}\n`);
        if (epoch.best) save();
      },
    });
    save();
    progress.end();
    const why = { epochs: '', patience: ` No better for ${counted(patience ?? 0, 'epoch')}.`, signal: ' Stopped.' }[
      stopped
    ];
    const partly = learned > 0 ? 'as it was learned so far' : 'as it began, since nothing was learned';
    process.stdout.write(`${options.out}: ${best ? `epoch ${best.number} of ${past.length}` : partly}.${why}\n`);
  } finally {
    progress.end();
    signal.forget();
    if (options.plot !== undefined && past.length > 0) await writePlot(options.plot, past);
    else if (options.plot !== undefined)
      process.stdout.write(`${options.plot}: not drawn, since no epoch came to its end.\n`);
  }
  if (signal.status !== undefined) process.exitCode = signal.status;
}

/** @throws ConfigError if what is written has no place, or would be written over what is read */
function checkPaths(paths: readonly string[], { validation, out, plot }: TrainOptions): void {
  const judge = typeof validation === 'string' ? [validation] : [];
  checkApart([...paths, ...judge], { '--out': out, '--plot': plot });
  checkPlace(out, '--out');
  if (plot !== undefined) checkPlace(plot, '--plot');
  if (!/\.(svg|html?)$/i.test(plot ?? '.svg'))
    throw new ConfigError(`Expected --plot to end in .svg or .html, got ${plot}`);
}

/** The network that is asked for, for what there is to learn. */
function networkOf(
  { input, output, encoder, labels }: Lesson,
  kind: RawFile['kind'],
  { cell, layers, hidden: size = kind === 'text' ? 128 : 64 }: TrainOptions,
): ModelConfig {
  return {
    input,
    layers: Array.from({ length: layers }, () => ({ cell, size })),
    output,
    ...(encoder ? { encoder: { ...encoder } } : {}),
    ...(labels ? { labels } : {}),
  };
}

function readOptionsOf({ key, target, columns, inputs, length, at, label, spelled }: TrainOptions): ReadOptions {
  return given({ key, target, columns, inputs, length, at, label, spelled });
}

/** The form of file that an option is about. */
const wantedBy: Record<keyof ReadOptions, string> = {
  key: 'a table',
  target: 'a table',
  columns: 'a table',
  at: 'a table',
  inputs: 'JSON lines',
  length: 'text',
  label: 'sound',
  spelled: 'sound',
};

/** @throws ConfigError if the files are not of one kind, or none is of the form that an option is about */
async function readAll(paths: readonly string[], reading: ReadOptions): Promise<RawFile[]> {
  const files: RawFile[] = [];
  for (const path of paths) {
    const first = files.at(0);
    const file = await readLessons(path, {
      ...reading,
      ...(first?.kind === 'rows' && reading.target ? { columns: first.columns } : {}),
    });
    if (first) checkAlike(path, file, paths[0], first);
    files.push(file);
  }
  if (files.every(({ sequences }) => sequences.length === 0))
    throw new ConfigError(`Expected sequences in ${paths.join(', ')}, got none`);
  for (const name of Object.keys(reading) as (keyof ReadOptions)[])
    if (!files.some(({ told }) => told.includes(name)))
      throw new ConfigError(`Expected ${wantedBy[name]} with --${name}, got ${paths.join(', ')}`);
  return files;
}

/** @throws ConfigError if there is nothing in it, or something else than what is learned from */
async function readJudged(
  path: string,
  reading: ReadOptions,
  first: RawFile,
  firstPath: string,
): Promise<readonly Raw[]> {
  const file = await readLessons(path, reading);
  if (file.sequences.length === 0) throw new ConfigError(`Expected sequences to judge by in ${path}, got none`);
  checkAlike(path, file, firstPath, first);
  return file.sequences;
}

function checkAlike(path: string, file: RawFile, firstPath: string, first: RawFile): void {
  if (first.kind === file.kind && first.columns.length === file.columns.length) return;
  const say = ({ kind, columns }: RawFile) => (kind === 'rows' ? `rows of ${counted(columns.length, 'column')}` : kind);
  throw new ConfigError(`Expected ${path} to be like ${firstPath}, ${say(first)}, got ${say(file)}`);
}

function describe({ number: count, loss, validation, best }: Epoch): string {
  const judged = validation
    ? `  validation ${validation.loss.toFixed(4)}${validation.accuracy === undefined ? '' : `  accuracy ${validation.accuracy.toFixed(4)}`}${validation.labelErrors === undefined ? '' : `  label errors ${validation.labelErrors.toFixed(4)}`}${best ? '  best' : ''}`
    : '';
  return `epoch ${String(count).padStart(3)}  loss ${loss.toFixed(4)}${judged}`;
}

async function writePlot(path: string, epochs: readonly Epoch[]): Promise<void> {
  const svg = lossPlot(epochs);
  const page = `<!doctype html>\n<meta charset="utf-8">\n<title>Loss</title>\n${svg}`;
  await writeFile(path, path.toLowerCase().endsWith('.svg') ? svg : page);
}
