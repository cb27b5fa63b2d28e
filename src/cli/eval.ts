import { Command } from 'commander';
import { ConfigError } from '../errors.js';
import { modelOf } from '../model/checkpoint.js';
import { evaluate } from '../training/evaluate.js';
import { createTrainer } from '../training/trainer.js';
import { readCheckpointFile } from './checkpoint-file.js';
import { createComparison } from './comparison.js';
import { examples } from './examples.js';
import { encodeSequence, type Lesson } from './lesson.js';
import { readLessons } from './lessons.js';
import { brief } from './numbers.js';
import { isTable, type RawFile, type ReadOptions } from './sequences.js';
import { inputSize } from './sizes.js';

const example = examples(
  ['eddy eval letters.safetensors held-out.ndjson'],
  ['eddy eval --json wear.safetensors fleet-2.csv | jq .mae'],
);

export function evalCommand(): Command {
  return new Command('eval')
    .summary('judge a network by a file that it did not see')
    .description(
      'Steps the sequences of a file and compares: accuracy and who is taken for whom, bits, or errors in units of the data.',
    )
    .argument('<model>', 'a checkpoint of eddy train')
    .argument('<file>', 'JSON lines, CSV, text or sound, as it was trained on')
    .option('--json', 'as one line of JSON')
    .addHelpText('after', example)
    .action(evaluateFile);
}

/** Classes whose confusion is shown whole. */
const mostShown = 30;

async function evaluateFile(path: string, file: string, { json }: { readonly json?: boolean }): Promise<void> {
  const { checkpoint } = await readCheckpointFile(path);
  const training = checkpoint.rest.training as { readonly reading?: ReadOptions } | undefined;
  const model = await modelOf(checkpoint);
  const lesson = model.config as Lesson;
  const { output } = lesson;
  const reading = training?.reading ?? {};
  if (isTable(file) && reading.target === undefined)
    throw new ConfigError(
      `Expected JSON lines, got ${file}: ${path} names no column to judge by, as a network does that eddy train made of a table`,
    );
  const { kind, sequences } = await readLessons(file, reading);
  const takes = kindsOf(lesson);
  if (!takes.includes(kind)) {
    if (takes.length === 0)
      throw new ConfigError(
        `Expected ${path} to be a network that eddy train makes, got one of ${lesson.encoder?.kind ?? inputSize(lesson.input)}`,
      );
    throw new ConfigError(`Expected ${file} to be ${takes.join(' or ')}, as ${path} takes, got ${kind}`);
  }
  if (sequences.length === 0) throw new ConfigError(`Expected sequences in ${file}, got none`);

  const unaligned = sequences.some(raw => raw.unaligned);
  const comparison = unaligned ? undefined : createComparison(output);
  const { loss, labelled, labelErrors, overflown } = evaluate(
    createTrainer(model, unaligned ? { loss: { kind: 'ctc' } } : {}),
    sequences.map(raw => encodeSequence(lesson, raw)),
    ({ step, target }) => comparison?.add(step, target),
  );
  const table = {
    sequences: sequences.length,
    labelled,
    ...(overflown ? { overflown } : {}),
    ...(output.kind === 'values' ? {} : { loss, bits: loss / Math.LN2 }),
    ...(unaligned ? { 'label errors': labelErrors! } : comparison?.measures(labelled)),
  };
  const { labels } = lesson;
  const confusion = labels && comparison?.confusion;
  if (json) {
    const rows = confusion ? { labels, confusion: confusion.map(row => [...row]) } : {};
    process.stdout.write(`${JSON.stringify({ ...table, ...rows })}\n`);
    return;
  }
  const lines = Object.entries(table).map(([name, value]) => `${name.padEnd(18)}${brief(value)}`);
  if (confusion) lines.push('', ...confusionTable(confusion, labels));
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** The files that it can be judged by: none where eddy train does not make such networks. */
function kindsOf({ input, encoder }: Lesson): readonly RawFile['kind'][] {
  if (encoder?.kind === 'readings') return ['rows'];
  if (encoder?.kind === 'audio') return ['sound'];
  return input.kind === 'token' && (encoder === undefined || encoder.kind === 'bytes') ? ['text', 'tokens'] : [];
}

/** Rows: what it was; columns: what was foretold. Of many classes, the pairs that were confused most. */
function confusionTable(confusion: readonly Uint32Array[], names: readonly string[]): string[] {
  if (names.length > mostShown) {
    const pairs = confusion.flatMap((row, i) => [...row].map((count, j) => ({ i, j, count })));
    const worst = pairs.filter(({ i, j, count }) => i !== j && count > 0).sort((a, b) => b.count - a.count);
    return [
      'confused most:',
      ...worst.slice(0, 20).map(({ i, j, count }) => `  ${names[i]} taken for ${names[j]}: ${count}`),
    ];
  }
  const width =
    Math.max(...names.map(name => name.length), ...confusion.flatMap(row => [...row]).map(n => `${n}`.length)) + 1;
  const cell = (text: string): string => text.padStart(width);
  return [
    'rows: what it was; columns: what was foretold',
    cell('') + names.map(cell).join(''),
    ...confusion.map(
      (row, i) => cell(names[i]) + [...row].map(count => cell(count === 0 ? '.' : String(count))).join(''),
    ),
  ];
}
