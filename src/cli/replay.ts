import { Command } from 'commander';
import { examples } from './examples.js';
import { statuses } from './failure.js';
import { counted } from './numbers.js';
import { createSink } from './sink.js';
import { replayRecord } from './verify.js';

const example = examples(
  ['eddy pipe --learn --record run.ndjson < some.txt > /dev/null'],
  ['eddy replay --verify run.ndjson', 'status 0 where every bit is the same, else 1 and the first difference'],
  ['eddy replay run.ndjson', 'the lines that eddy pipe wrote, once more'],
);

export function replayCommand(): Command {
  return new Command('replay')
    .summary('do a recorded run again, and compare every bit')
    .description('Predicts and learns again what eddy pipe --record wrote down, here or on another machine.')
    .argument('<file>', 'what eddy pipe --record wrote')
    .option('--verify', 'write no lines: only compare')
    .addHelpText('after', example)
    .action(replay);
}

async function replay(path: string, { verify }: { readonly verify?: boolean }): Promise<void> {
  const sink = createSink(process.stdout);
  const { steps, updates, difference } = await replayRecord(path, async line => {
    if (verify) return;
    sink.line(JSON.stringify(line));
    if (sink.full) await sink.flush();
  });
  await sink.end();
  if (difference !== undefined) {
    process.stderr.write(`eddy: ${path} is not what is predicted: ${difference}\n`);
    process.exitCode = statuses.failed;
  } else if (verify) {
    process.stdout.write(`the same: ${counted(steps, 'step')}, ${counted(updates, 'update')}\n`);
  }
}
