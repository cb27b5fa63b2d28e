// The server beside a bare `ws` server that echoes the same bytes, in one run: `npm run bench:serving`
//
//   node bench/serving/run.js [--quick] [question ...]     throughput, latency, learning, memory, months
//
// Servers and load have a process and (where the system can be told so) a core each. A row says what is reached of the
// echo's figure; a target that is missed is no failure, a lost or doubled answer is. A whole run writes RESULTS.md beside this file.
import { fileURLToPath } from 'node:url';
import { flags } from '../../scripts/flags.js';
import { median } from '../helpers/race.js';
import { machine, record } from '../helpers/results.js';
import { start } from './child.js';
import { throughput } from './throughput.js';

const names = ['throughput', 'latency', 'learning', 'memory', 'months'];
const intro = `# How well it serves

The server and a bare server of ws that echoes the same bytes, in turn on one core, and their load on another. Carry the ratios:
a rate is of its machine and moment. Each machine that measured has a section, the newest first.`;

const usage = `Usage: node bench/serving/run.js [--quick] [question ...]

Measures the server beside a bare server of ws that echoes the same bytes, and prints the table. A whole run writes
bench/serving/RESULTS.md.

Questions: ${names.join(', ')} (default: all)

Options:
  --quick     fewer rounds, and shorter ones
  -h, --help  this text
`;

const { values, positionals: chosen } = flags(usage, { quick: { type: 'boolean' } }, true);
const { quick = false } = values;
/** Milliseconds of a stretch. Servers take short ones in turn, many times: a machine that is slow for some seconds is so for all. */
const stretch = { warm: 1000, measure: quick ? 1000 : 1500 };
const rounds = quick ? 1 : 7;
const rows = [];

const say = (question, reached, wanted, met, note) => {
  rows.push(`| ${question} | ${reached} | ${wanted} | ${met ? 'yes' : '**no**'} | ${note} |`);
  process.stderr.write(`${rows.at(-1)}\n`);
};
const ratio = value => value.toFixed(2);
const count = value => Math.round(value).toLocaleString('en');

/** Both servers and the load, for one question. */
async function together(work, { env = {} } = {}) {
  const servers = { echo: start('echo-server.js'), eddy: start('eddy-server.js', { env }) };
  const load = start('generator.js', { core: 'load' });
  const ports = { echo: await servers.echo.next('port'), eddy: await servers.eddy.next('port') };
  try {
    await work({ servers, load, ports });
  } finally {
    await Promise.all([load.stop(), servers.echo.stop(), servers.eddy.stop()]);
  }
}

async function latency() {
  await together(async ({ servers, load, ports }) => {
    const settings = { connections: 50, rows: 1 };
    const closed = { ...settings, peer: 'echo', window: 1, resumable: false };
    const open = async (peer, rate) => {
      const one = { ...settings, peer, port: ports[peer], rate, resumable: peer === 'eddy', ...stretch };
      return (await load.ask({ command: 'openLoop', settings: one }, 'result')).p99;
    };
    const results = [];
    // The first time, everything is compiled. Of all figures this one moves most: a stop of the machine is in it as it is.
    for (let i = 0; i < 1 + 2 * rounds; i++) {
      const rate = (await throughput(servers.echo, ports.echo, load, closed, stretch)).answers / 2;
      const [echo, eddy] = [await open('echo', rate), await open('eddy', rate)];
      if (i > 0) results.push({ rate, echo, eddy, ratio: eddy / echo });
    }
    const by = field => median(results.map(result => result[field]));
    const reached = by('ratio');
    const note = `${ratio(by('eddy'))} ms beside ${ratio(by('echo'))} ms at ${count(by('rate'))}/s`;
    say('p99 from the scheduled send', `${ratio(reached)} x`, '≤ 4 x', reached <= 4, note);
  });
}

async function learning() {
  await together(async ({ load, ports }) => {
    const eddy = { peer: 'eddy', port: ports.eddy };
    const predicting = { ...eddy, connections: 20, rows: 1, rate: 500, resumable: true, ...stretch };
    const learning = { k1: 32, k2: 32, targetSource: 'input' };
    const open = { model: 'forecaster', learn: 'private', learning };
    const learners = { ...eddy, connections: 2, window: 1, rows: 32, resumable: false, open };
    const ask = (command, settings) => load.ask({ command, settings }, 'result');
    const p99 = { without: [], half: [], all: [] };
    /** Updates a second, and of those the median. */
    const rates = { half: [], all: [] };
    // The first times of each, everything is compiled.
    for (let i = 0; i < 2 + (quick ? 3 : 15); i++) {
      const results = { without: await ask('openLoop', predicting) };
      let rate;
      for (const name of ['all', 'half']) {
        // From the process that measures: two would wait for each other on their core.
        await ask('keepBusy', { ...learners, rate });
        results[name] = await ask('openLoop', predicting);
        const done = await ask('release');
        if (i > 1) rates[name].push(done.rate);
        rate = done.rate / 2;
      }
      if (i > 1) for (const [name, result] of Object.entries(results)) p99[name].push(result.p99);
    }
    const text = await (await fetch(`http://127.0.0.1:${ports.eddy}/metrics`)).text();
    const read = name => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
    const updates = read('eddy_update_duration_seconds_count');
    const update = (1000 * read('eddy_update_duration_seconds_sum')) / updates;
    const without = median(p99.without);
    const kinds = { half: 'half as fast as they can', all: 'as fast as they can' };
    for (const [name, pace] of Object.entries(kinds)) {
      const beside = median(p99[name]);
      say(
        `p99 while others learn ${pace}, above that without`,
        `${ratio(beside - without)} ms`,
        `≤ ${ratio(update)} ms`,
        updates > 0 && beside - without <= update,
        `${ratio(beside)} ms beside ${ratio(without)} ms without; ${count(median(rates[name]))} updates/s, each ${ratio(update)} ms`,
      );
    }
  });
}

const questions = {
  async throughput() {
    const wanted = {
      '1 x 1': undefined,
      '50 x 1': 0.55,
      '1000 x 1': 0.55,
      '1 x 16': 0.6,
      '50 x 16': 1.2,
      '1000 x 16': 1.2,
    };
    await together(async ({ servers, load, ports }) => {
      const measure = async (peer, connections, window, frames = 1) => {
        const settings = { peer, connections, window, rows: frames, resumable: peer === 'eddy' };
        return throughput(servers[peer], ports[peer], load, settings, stretch);
      };
      for (const [name, least] of Object.entries(wanted)) {
        const [connections, window] = name.split(' x ').map(Number);
        const results = [];
        for (let i = 0; i < rounds; i++) {
          const echo = await measure('echo', connections, window);
          const eddy = await measure('eddy', connections, window);
          results.push({ echo, eddy, ratio: eddy.answers / echo.answers, cpu: echo.micros / eddy.micros });
        }
        const by = field => median(results.map(field));
        const note =
          `${count(by(({ eddy }) => eddy.answers))}/s beside ${count(by(({ echo }) => echo.answers))}/s; ` +
          `µs of CPU ${ratio(by(({ eddy }) => eddy.micros))} beside ${ratio(by(({ echo }) => echo.micros))} (ratio ${ratio(by(({ cpu }) => cpu))}); ` +
          `busy ${ratio(by(({ eddy }) => eddy.serverBusy))}, load ${ratio(by(({ eddy }) => eddy.busy))}`;
        const reached = by(one => one.ratio);
        say(
          `answers/s, ${connections} connections, ${window} in flight`,
          ratio(reached),
          least ? `≥ ${least}` : '',
          !least || reached >= least,
          note,
        );
      }
      for (const connections of [1, 50, 1000]) {
        // In turn, as the echo above: what the machine does meanwhile is in both.
        const messages = [];
        for (let i = 0; i < rounds; i++) {
          const [one, many] = [await measure('eddy', connections, 1), await measure('eddy', connections, 1, 32)];
          messages.push({ one, many, times: many.answers / one.answers });
        }
        const of = field => median(messages.map(field));
        const times32 = of(({ times }) => times);
        say(
          `frames/s, ${connections} connections, 32 a message, beside one in flight`,
          `${ratio(times32)} x`,
          '≥ 5 x',
          times32 >= 5,
          `${count(of(({ many }) => many.answers))}/s beside ${count(of(({ one }) => one.answers))}/s; µs of CPU ${ratio(of(({ many }) => many.micros))} beside ${ratio(of(({ one }) => one.micros))}`,
        );
      }
    });
  },

  latency,
  learning,

  async memory() {
    await together(async ({ servers, load, ports }) => {
      const connections = quick ? 500 : 2000;
      const used = async peer => {
        const { heapUsed, external } = await servers[peer].ask('memory', 'usage');
        return heapUsed + external;
      };
      const each = {};
      for (const peer of ['echo', 'eddy']) {
        const warm = { peer, port: ports[peer], connections: 50, rows: 1, resumable: peer === 'eddy' };
        await load.ask({ command: 'hold', settings: warm }, 'result');
        await load.ask({ command: 'release' }, 'result');
        const before = await used(peer);
        await load.ask({ command: 'hold', settings: { ...warm, connections } }, 'result');
        each[peer] = ((await used(peer)) - before) / connections;
        await load.ask({ command: 'release' }, 'result');
      }
      const beyond = (each.eddy - each.echo) / 1024;
      say(
        'KB of an idle session and its connection, beyond a socket',
        ratio(beyond),
        '≤ 8',
        beyond <= 8,
        `${ratio(each.eddy / 1024)} beside ${ratio(each.echo / 1024)}`,
      );
    });
    await together(async ({ servers, load, ports }) => {
      const used = async () => (await servers.eddy.ask('memory', 'usage')).heapUsed / 2 ** 20;
      const churn = sessions =>
        load.ask(
          {
            command: 'churn',
            settings: { peer: 'eddy', port: ports.eddy, connections: 20, sessions, frames: 1, rows: 1 },
          },
          'result',
        );
      await churn(quick ? 2000 : 20_000);
      const before = await used();
      const { answers } = await churn(quick ? 5000 : 100_000);
      const growth = (await used()) - before;
      say(
        `MiB that the heap grew after ${count(answers)} sessions`,
        ratio(growth),
        '≤ 1',
        growth <= 1,
        'each opened, one frame, finished',
      );
    });
  },

  async months() {
    await together(async ({ servers, load, ports }) => {
      const used = async () => (await servers.eddy.ask('memory', 'usage')).heapUsed / 2 ** 20;
      const frames = 200;
      const churn = sessions =>
        load.ask(
          {
            command: 'churn',
            settings: { peer: 'eddy', port: ports.eddy, connections: 50, sessions, frames, rows: 8 },
          },
          'result',
        );
      await churn(1000);
      const before = await used();
      const { answers } = await churn(quick ? 1000 : 50_000);
      const growth = (await used()) - before;
      say(
        `MiB that the heap grew over ${count(answers)} frames`,
        ratio(growth),
        '≤ 1',
        growth <= 1,
        'every answer came once and in order, or the run would have ended',
      );
    });
  },
};

const unknown = chosen.filter(name => !names.includes(name));
if (unknown.length > 0) {
  console.error(`Expected questions among ${names.join(', ')}, got ${unknown.join(', ')}`);
  process.exit(2);
}
for (const name of chosen.length > 0 ? chosen : names) await questions[name]();
const table = ['| question | reached | wanted | met | |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
console.log(`${machine}, Node ${process.versions.node}\n\n${table}`);
if (!quick && chosen.length === 0) {
  const command = '`node bench/serving/run.js`';
  record(fileURLToPath(new URL('RESULTS.md', import.meta.url)), intro, { command, node: process.versions.node }, table);
}
