import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { from, lastValueFrom, toArray } from 'rxjs';
import { longestLine } from '../../src/cli/formats/lines.js';
import { saveModel } from '../../src/model/checkpoint.js';
import { createModel } from '../../src/model/model.js';
import { next } from '../../src/operators/next.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { createRandom } from '../../src/random.js';
import { createTrainer } from '../../src/training/trainer.js';
import { eddy, finished, folder, lineReader, start } from '../helpers/cli.js';

const random = createRandom(4);
const rows = Array.from({ length: 400 }, () => `${random.uniform().toFixed(4)} ${random.uniform().toFixed(4)}`);

/** A server as a process of its own, once it listens. */
async function serving(t: ExecutionContext, port: string, sessions: string) {
  const args = ['--cell', 'gru', '--hidden', '8', '--features', '2', '--seed', '3', '--sessions', sessions];
  const child = start(t, 'serve', '--port', port, ...args);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, url: /ws:\/\/[\d.:]+/.exec(String(line))![0] };
}

for (const learn of [[], ['--learn']]) {
  test(`a server that ends in the middle of a pipe and comes back leaves the output whole ${learn.join()}`, async t => {
    const sessions = join(mkdtempSync(join(tmpdir(), 'eddy-')), 'sessions');
    const first = await serving(t, '0', sessions);
    const whole = await eddy(t, rows.join('\n'), 'pipe', '--server', first.url, '--want', 'prediction', ...learn);
    t.is(whole.lines.length, rows.length, whole.stderr);

    const pipe = start(t, 'pipe', '--server', first.url, '--want', 'prediction', ...learn);
    const end = finished(pipe);
    pipe.stdin.write(`${rows.slice(0, 150).join('\n')}\n`);
    await once(pipe.stdout, 'data');
    first.child.kill('SIGTERM');
    const gone = once(first.child, 'exit');
    pipe.stdin.write(`${rows.slice(150, 300).join('\n')}\n`);
    await gone;
    await serving(t, new URL(first.url.replace('ws', 'http')).port, sessions);
    pipe.stdin.end(rows.slice(300).join('\n'));
    const { stdout, stderr, status } = await end;
    t.is(status, 0, stderr);
    t.is(stdout, whole.stdout, stderr);
    t.regex(stderr, /gone.*\n.*back/s);
  });
}

test('a network of text on a server says characters, as it does here', async t => {
  const place = folder(t);
  const shared = { input: { kind: 'token', size: 4 }, output: { kind: 'classes', size: 4 } } as const;
  const layers = [{ cell: 'gru', size: 8 }] as const;
  const models = {
    letters: await createModel({ ...shared, layers, encoder: { kind: 'characters', vocabulary: 'abc' } }, { seed: 1 }),
    bytes: await createModel(
      {
        input: { kind: 'token', size: 256 },
        layers,
        output: { kind: 'classes', size: 256 },
        encoder: { kind: 'bytes' },
      },
      { seed: 1 },
    ),
  };
  for (const [name, model] of Object.entries(models)) {
    const file = place(`${name}.eddy`);
    writeFileSync(file, saveModel(model));
    const child = start(t, 'serve', file, '--port', '0');
    const url = /ws:\/\/[\d.:]+/.exec(await lineReader(child)())![0];
    const here = await eddy(t, 'abcab', 'pipe', file);
    const there = await eddy(t, 'abcab', 'pipe', '--server', url);
    const tops = ({ lines }: typeof here) => lines.map(({ top }) => top);
    t.is(there.lines.length, 5, there.stderr);
    t.deepEqual(tops(there), tops(here), name);
  }
});

test('when the reader of the lines goes away, the pipe ends quietly', async t => {
  const { url } = await serving(t, '0', join(mkdtempSync(join(tmpdir(), 'eddy-')), 'sessions'));
  const pipe = start(t, 'pipe', '--server', url);
  const end = finished(pipe);
  pipe.stdout.once('data', () => pipe.stdout.destroy());
  const feeding = setInterval(() => pipe.stdin.write(`${rows.join('\n')}\n`), 1);
  const { status, stderr } = await end;
  clearInterval(feeding);
  t.is(stderr, '');
  t.is(status, 0);
});

test('a reader that is slow is waited for, and has every line', async t => {
  const child = start(t, 'serve', '--port', '0', '--cell', 'gru', '--hidden', '4');
  const url = /ws:\/\/[\d.:]+/.exec(await lineReader(child)())![0];
  const pipe = start(t, 'pipe', '--server', url);
  let told = '';
  pipe.stderr.on('data', data => {
    told += data;
  });
  pipe.stdin.end('x'.repeat(20_000));
  let said = '';
  for await (const chunk of pipe.stdout) {
    said += chunk;
    await setTimeout(20);
  }
  t.is(told, '', 'Node tells of a wait that is begun again and again');
  t.is(said.trim().split('\n').length, 20_000);
});

test('what a network of values says is written whole, in its order, and that of classes as the likeliest', async t => {
  const { url } = await serving(t, '0', join(mkdtempSync(join(tmpdir(), 'eddy-')), 'sessions'));
  for (const learn of [[], ['--learn']]) {
    const { lines, status, stderr } = await eddy(t, '1 2\n3 4\n', 'pipe', '--server', url, ...learn);
    t.is(status, 0, stderr);
    const asked = await eddy(t, '1 2\n3 4\n', 'pipe', '--server', url, '--want', 'prediction', ...learn);
    t.is(asked.lines[1].prediction.length, 2);
    t.deepEqual(lines, asked.lines);
  }
  const child = start(t, 'serve', '--port', '0', '--cell', 'gru', '--hidden', '8');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const text = await eddy(t, 'ab', 'pipe', '--server', /ws:\/\/[\d.:]+/.exec(String(line))![0]);
  t.is(text.lines[1].top.length, 3, text.stderr);
});

for (const [every, horizon] of [
  [1, 1],
  [2, 1],
  [1, 3],
]) {
  test(`lines say the same losses in whatever chunks text comes, those of pipe here (every: ${every}, horizon: ${horizon})`, async t => {
    const network = ['--cell', 'gru', '--hidden', '8', '--seed', '3'];
    const learning = ['--learn', '--k1', '2', '--k2', '4', '--rate', '0.01', '--horizon', String(horizon)];
    const child = start(t, 'serve', '--port', '0', ...network);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const url = /ws:\/\/[\d.:]+/.exec(String(line))![0];
    const args = [...learning, '--every', String(every)];
    const text = 'round and round it goes, round';
    const whole = await eddy(t, text, 'pipe', '--server', url, ...args);
    const here = await eddy(t, text, 'pipe', '--format', 'text', ...network, ...args);
    t.is(whole.lines.length, Math.floor(text.length / every), whole.stderr);
    whole.lines.forEach(({ step, loss }, i) => {
      const { step: same, loss: surprise } = here.lines[i];
      t.is(step, same);
      t.is(loss === undefined, step <= horizon, `step ${step}`);
      // Here it is reckoned for display, and of the next letter.
      if (loss !== undefined && horizon === 1)
        t.true(Math.abs(loss - surprise) < 1e-5, `step ${step}: ${loss}, ${surprise}`);
    });
    const pipe = start(t, 'pipe', '--server', url, ...args);
    const end = finished(pipe);
    for (let at = 0; at < text.length; at += 7) {
      pipe.stdin.write(text.slice(at, at + 7));
      // The answers to one chunk have come when the next is sent.
      await once(pipe.stdout, 'data');
    }
    pipe.stdin.end();
    t.is((await end).stdout, whole.stdout);
  });
}

test('a line that is no numbers, and a server that is not there, are told', async t => {
  const sessions = join(mkdtempSync(join(tmpdir(), 'eddy-')), 'sessions');
  const { url, child } = await serving(t, '0', sessions);
  const bad = await eddy(t, '1 2\n1 x\n', 'pipe', '--server', url);
  t.not(bad.status, 0);
  t.regex(bad.stderr, /line 2 .*"x"/);
  for (const [line, message] of [
    ['1,,2', 'to be numbers, got ""'],
    ['1\t\t2', 'to be numbers, got ""'],
    ['1,2,', 'to be numbers, got ""'],
    ['1,1e39', 'to be numbers, got "1e39"'],
    ['1 -Infinity', 'to be numbers, got "-Infinity"'],
    ['1,2,3', 'to have 2 numbers, as the network takes, got 3'],
  ]) {
    const odd = await eddy(t, `3 \t 4\n${line}\n`, 'pipe', '--server', url);
    t.is(odd.stderr, `eddy: EDDY_INPUT: Expected line 2 ${message}\n`);
    t.deepEqual([odd.status, odd.lines.length], [1, 1], line);
  }
  const table = await eddy(t, '\n"a","b"\n1,2\n3,4\n', 'pipe', '--server', url);
  t.is(table.stderr, 'eddy: line 2 has no number: left out, as the heading\n');
  t.deepEqual([table.status, table.lines.length], [0, 2]);
  const endless = start(t, 'pipe', '--server', url);
  const told = finished(endless);
  endless.stdin.write(`1 2\n${'1'.repeat(longestLine + 1)}`);
  const { stdout, stderr, status } = await told;
  t.is(status, 1, 'a line that does not end is told before its source ends');
  t.is(stdout.trimEnd().split('\n').length, 1);
  t.regex(stderr, /^eddy: EDDY_INPUT: Expected line 2 to be numbers, got more than 1048576 characters\n$/);
  const empty = await eddy(t, '1 2\n\n3 4\n \n5 x\n', 'pipe', '--server', url);
  t.is(empty.lines.length, 2);
  t.regex(empty.stderr, /line 5 .*"x"/);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const none = await eddy(t, '1 2\n', 'pipe', '--server', url);
  t.is(none.status, 1);
  const [, there, code] =
    /^eddy: EDDY_REMOTE: Expected a server at (\S+), got (\w+): nobody .* eddy serve, .* port\n$/.exec(none.stderr)!;
  t.deepEqual([there, code], [url, 'ECONNREFUSED']);
});

test('options of learning are those of the session, what its guard does is told, and other options are refused', async t => {
  const { url } = await serving(t, '0', join(mkdtempSync(join(tmpdir(), 'eddy-')), 'sessions'));
  const waves = Array.from({ length: 200 }, (_, i) => {
    const wave = [Math.sin(i / 5), Math.cos(i / 5)].map(value => (i === 120 ? 1e6 : Math.fround(value)));
    return Float32Array.from(wave);
  });
  const options = ['--k1', '2', '--k2', '5', '--rate', '0.01', '--loss', 'huber', '--replay', '1', '--horizon', '3'];
  const args = ['pipe', '--server', url, '--want', 'prediction', '--learn'];
  const input = waves.map(row => row.join(' ')).join('\n');
  const { status, lines, stderr } = await eddy(t, input, ...args, ...options, '--guard');
  t.is(status, 0, stderr);

  const features = { kind: 'features', size: 2 } as const;
  const model = await createModel(
    { input: features, layers: [{ cell: 'gru', size: 8 }], output: { kind: 'values', size: 2 } },
    { seed: 3 },
  );
  const trainer = createTrainer(model, {
    k1: 2,
    k2: 5,
    lateness: 2,
    optimizer: { kind: 'adam', rate: 0.01 },
    loss: { kind: 'huber' },
    replay: { windows: 1, capacity: 2000 },
    guard: {},
  });
  const events = await lastValueFrom(from(waves).pipe(next({ horizon: 3 }), tbptt(trainer), toArray()));
  const steps = events.flatMap(event => (event.kind === 'step' ? [event] : []));
  t.deepEqual(
    lines.map(({ prediction }) => [...Float32Array.from(prediction)]),
    steps.map(({ step }) => [...step.prediction]),
  );
  const limited = steps.filter(step => step.limited).map(({ number }) => number);
  t.deepEqual(
    lines.filter(line => line.limited).map(line => line.step),
    limited,
  );
  t.true(limited.includes(121));
  t.regex(stderr, new RegExp(`^eddy: ${limited.length} inputs? brought down`, 'm'));

  for (const [more, message] of [
    [['--metrics'], /--server without --metrics/],
    [['--key', 'x'], /--server without --key/],
    [['--on-error', 'skip'], /--server without --on-error/],
    [['--horizon', '0'], /--horizon to be an integer from 1/],
    [['--loss', 'gaussian'], /loss\.kind to be squared-error or huber for values, got gaussian/],
  ] as const) {
    const refused = await eddy(t, input, ...args, ...more);
    t.not(refused.status, 0);
    t.regex(refused.stderr, message);
  }
  const frozen = await eddy(t, input, 'pipe', '--server', url, '--k1', '2');
  t.regex(frozen.stderr, /Expected --learn with --k1/);
});

test('rows that pass by the encoder of the network are told of', async t => {
  const at = folder(t);
  const columns = [{ name: 'a' }, { name: 'b' }];
  const model = await createModel({
    input: { kind: 'features', size: 2 },
    layers: [{ cell: 'gru', size: 3 }],
    output: { kind: 'values', size: 2 },
    encoder: { kind: 'readings', columns },
  });
  writeFileSync(at('m.eddy'), saveModel(model));
  const child = start(t, 'serve', at('m.eddy'), '--port', '0');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const url = /ws:\/\/[\d.:]+/.exec(String(line))![0];
  const { lines, stderr, status } = await eddy(t, '1 2\n3 4\n', 'pipe', '--server', url);
  t.deepEqual([status, lines.length], [0, 2]);
  t.is(
    stderr,
    'eddy: numbers go into the network as they are, and not through its encoder (readings): eddy pipe with its checkpoint has them go through it\n',
  );
});

test('a token that is missing, and a certificate that is not trusted, are told with the way out', async t => {
  const at = folder(t);
  const tokens = [{ name: 'lab', token: 'a-token-of-the-lab', permissions: ['predict'] }];
  writeFileSync(at('tokens.json'), JSON.stringify(tokens));
  const golden = fileURLToPath(new URL('../../../test/golden/tls/', import.meta.url));
  const own = ['--cell', 'gru', '--hidden', '4', '--features', '2', '--tokens', at('tokens.json'), '--port', '0'];
  for (const [more, message, other] of [
    [
      [],
      / with a token of this server: eddy pipe takes its token from the variable EDDY_TOKEN\n$/,
      /^eddy: EDDY_REMOTE: Expected a server at wss:\S+, got EPROTO: .* begins with ws:\/\/\n$/,
    ],
    [
      ['--tls-cert', join(golden, 'cert.pem'), '--tls-key', join(golden, 'key.pem')],
      /^eddy: EDDY_REMOTE: Expected a server at wss:\S+, got DEPTH_ZERO_SELF_SIGNED_CERT: .* NODE_EXTRA_CA_CERTS/,
      /^eddy: EDDY_REMOTE: Expected a server at ws:\S+, got ECONNRESET: .* begins with wss:\/\/\n$/,
    ],
  ] as const) {
    const child = start(t, 'serve', ...own, ...more);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const url = /wss?:\/\/[\d.:]+/.exec(String(line))![0];
    const { stderr, status } = await eddy(t, '1 2\n', 'pipe', '--server', url);
    t.is(status, 1);
    t.regex(stderr, message);
    const swapped = url.startsWith('wss') ? url.replace('wss', 'ws') : url.replace('ws', 'wss');
    t.regex((await eddy(t, '1 2\n', 'pipe', '--server', swapped)).stderr, other);
  }
});
