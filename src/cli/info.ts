import { Command } from 'commander';
import type { TrainerOptions } from '../training/trainer.js';
import { extraOf } from './assemble.js';
import { naming, readCheckpointFile } from './checkpoint-file.js';
import { examples } from './examples.js';
import { counted, countedLong } from './numbers.js';
import { columnsOf } from './rows.js';
import { inputSize, outputSize } from './sizes.js';

const example = examples(['eddy info model.eddy'], ['eddy info --json model.eddy | jq .config']);

export function infoCommand(): Command {
  return new Command('info')
    .summary('what a checkpoint holds')
    .description('Says what a checkpoint holds: the network, its tensors, and what its learner remembers.')
    .argument('<file>', 'a checkpoint')
    .option('--json', 'as one line of JSON')
    .addHelpText('after', example)
    .action(info);
}

/** What the metadata of a learner says. */
interface Learner {
  readonly options?: TrainerOptions;
  readonly streams?: readonly string[];
}

async function info(path: string, { json }: { readonly json?: boolean }): Promise<void> {
  const { bytes, checkpoint } = await readCheckpointFile(path);
  const { config, weights, rest, tensors } = checkpoint;
  const learner = rest.trainer as Learner | undefined;
  const pipe = naming(path, () => extraOf(bytes));
  const parameters = Object.values(weights).reduce((sum, values) => sum + values.length, 0);
  const shapes = [...tensors].filter(([name]) => name in weights).map(([name, { shape }]) => ({ name, shape }));
  const streams = learner?.streams ?? [];

  if (json) {
    const { columns, horizon, forecast } = pipe ?? {};
    const learning = learner && { options: learner.options, streams: streams.length };
    const found = { bytes: bytes.length, parameters, config, tensors: shapes, learner: learning };
    process.stdout.write(
      `${JSON.stringify({ ...found, ...(pipe ? { pipe: { columns, horizon, forecast } } : {}) })}\n`,
    );
    return;
  }

  const { input, layers, output, encoder, labels, skip } = config;
  const rows: [string, string][] = [
    ['file', `${path}, ${countedLong(bytes.length, 'byte')}`],
    ['input', `${inputSize(input)}${encoder ? `, from ${encoder.kind}` : ''}`],
    ...layers.map(({ cell, size }, i): [string, string] => [`layer ${i}`, `${cell}, ${counted(size, 'unit')}`]),
    ...(skip ? [['skip', 'every layer sees the input, the readout every layer'] as [string, string]] : []),
    ['output', outputSize(output)],
    ...(labels ? [['labels', cut(labels.join(', '))] as [string, string]] : []),
    ['weights', countedLong(parameters, 'number')],
    ...shapes.map(({ name, shape }): [string, string] => [`  ${name}`, shape.join(' × ')]),
  ];
  if (learner) {
    const { k1, k2, lateness, optimizer } = learner.options ?? {};
    rows.push(['learner', `${optimizer?.kind}, rate ${optimizer?.rate}, k1 ${k1}, k2 ${k2}, lateness ${lateness}`]);
    rows.push([
      'streams',
      streams.length === 1 && streams[0] === '' ? '1' : cut(`${streams.length}: ${streams.join(', ')}`),
    ]);
  }
  if (pipe?.columns) {
    const { inputs, targets, key } = pipe.columns;
    rows.push(['sees', cut(inputs.join(', '))]);
    rows.push(['foretells', cut(`${targets.join(', ')}, ${pipe.horizon} ahead, as ${pipe.forecast}`)]);
    if (key !== undefined) rows.push(['key', key]);
  } else {
    const known = columnsOf(config);
    if (known) rows.push(['sees', cut(known.names.join(', '))]);
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  process.stdout.write(rows.map(([name, text]) => `${name.padEnd(width)}  ${text}\n`).join(''));
}

function cut(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
