// Measures eddy beside its peers on one core, and prints the table: `npm run bench`
//
//   node bench/run.js [--quick] [question ...]     questions by file: one-step, one-step-web, step-many, overhead, long-stream, window
//
// A whole run writes RESULTS.md; a quick one, or some questions alone, only print. A question that fails (peers that disagree
// with us, a peer that does not load) is named, and the exit code is 1; a target that is missed is no failure.
// EDDY_DIST measures another build.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { flags } from '../scripts/flags.js';
import { median } from './helpers/race.js';
import { record } from './helpers/results.js';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
const questions = ['one-step', 'one-step-web', 'step-many', 'overhead', 'long-stream', 'window'];
const peers = ['onnxruntime-node', 'onnxruntime-web', '@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'];

const intro = `# How fast

CPU time of all threads of the process, contenders in one process in turn, the median over rounds; a ratio is taken round by
round. Every peer computes on one thread, and its answers agreed with eddy's before anything was timed. A microsecond figure
is of its machine and moment: carry the ratios. Each machine that measured has a section, the newest first.`;

const usage = `Usage: node bench/run.js [--quick] [question ...]

Measures eddy beside its peers on one core, and prints the table. A whole run writes bench/RESULTS.md.

Questions: ${questions.join(', ')} (default: all)

Options:
  --quick     fewer rounds
  -h, --help  this text
`;

const args = process.argv.slice(2);
const { values, positionals: chosen } = flags(usage, { quick: { type: 'boolean' }, child: { type: 'boolean' } }, true);
const { quick = false, child = false } = values;

if (child) await answer(chosen[0], chosen[1]);
else ask();

/** In a process of its own: one question, its results as JSON into a file. */
async function answer(question, file) {
  const { measure } = await import(pathToFileURL(join(here, `${question}.js`)).href);
  writeFileSync(file, JSON.stringify(await measure(quick)));
  // The peers may hold the process open.
  process.exit(0);
}

function ask() {
  const unknown = chosen.filter(name => !questions.includes(name));
  if (unknown.length > 0) {
    console.error(`Expected questions among ${questions.join(', ')}, got ${unknown.join(', ')}`);
    process.exit(2);
  }
  if (process.env.EDDY_DIST === undefined)
    execFileSync(process.execPath, [join(root, 'scripts/build.js')], { stdio: 'inherit' });
  install();
  const pin = pinning();
  const results = [];
  for (const question of chosen.length > 0 ? chosen : questions) {
    process.stderr.write(`${question} ...\n`);
    try {
      results.push(...inProcess(question, pin));
    } catch (error) {
      // What went wrong is on standard error already; the other questions go on.
      process.stderr.write(`${question} was not measured: ${error.message.split('\n')[0]}\n`);
      process.exitCode = 1;
    }
  }
  const table = format(results);
  console.log(table);
  const command = ['node bench/run.js', ...args].join(' ');
  if (!quick && chosen.length === 0 && process.exitCode === undefined)
    record(
      join(here, 'RESULTS.md'),
      intro,
      { command: `\`${[...pin, command].join(' ')}\``, versions: versions() },
      `${table}\n\n### Each contender\n\n${contenders(results)}`,
    );
}

/** The peers, without what they would fetch beside their packages: the CPU binary of onnxruntime-node comes with it. */
function install() {
  if (peers.every(name => existsSync(join(here, 'node_modules', name)))) return;
  process.stderr.write('installing the peers into bench/node_modules\n');
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: here,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
}

/** One core for everything, the last one, where the system can be told so. */
function pinning() {
  const core = cpus().length - 1;
  const probe = spawnSync('taskset', ['-c', String(core), process.execPath, '--version'], { stdio: 'ignore' });
  return probe.status === 0 ? ['taskset', '-c', String(core)] : [];
}

function inProcess(question, pin) {
  const folder = mkdtempSync(join(tmpdir(), 'eddy-bench-'));
  const file = join(folder, 'results.json');
  const [command, ...rest] = [
    ...pin,
    process.execPath,
    '--expose-gc',
    fileURLToPath(import.meta.url),
    '--child',
    question,
    file,
    ...(quick ? ['--quick'] : []),
  ];
  try {
    execFileSync(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
    return JSON.parse(readFileSync(file, 'utf8'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function format(results) {
  const rows = results.map(({ question, answer, unit, least, most }) => {
    const target = least === undefined ? `≤ ${number(most)} ${unit}` : `≥ ${number(least)} ${unit}`;
    const met = least === undefined ? answer.median <= most : answer.median >= least;
    return [
      question,
      `${number(answer.median)} ${unit}`,
      `${number(answer.min)} to ${number(answer.max)}`,
      target,
      met ? 'yes' : '**no**',
    ];
  });
  return markdown(['question', 'median', 'min to max', 'wanted', 'met'], rows);
}

/** Every contender's own time, in the question where it ran first. */
function contenders(results) {
  const rows = [];
  const seen = new Set();
  for (const { question, times } of results) {
    const key = JSON.stringify(times);
    if (seen.has(key)) continue;
    seen.add(key);
    for (const [name, values] of Object.entries(times)) {
      const [low, middle, high] = [Math.min(...values), median(values), Math.max(...values)];
      rows.push([question.split(':')[0], name, number(middle), number(low), number(high)]);
    }
  }
  return markdown(['where', 'contender', 'median, µs', 'min', 'max'], rows);
}

function markdown(head, rows) {
  const line = cells => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function number(value) {
  const size = Math.abs(value);
  return size >= 100 || Number.isInteger(value) ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function versions() {
  const require = createRequire(import.meta.url);
  const peer = name => JSON.parse(readFileSync(join(here, 'node_modules', name, 'package.json'), 'utf8')).version;
  const { version } = require('../package.json');
  return [`eddy ${version}`, `Node ${process.versions.node} (V8 ${process.versions.v8})`]
    .concat(peers.map(name => `${name} ${peer(name)}`))
    .join(', ');
}
