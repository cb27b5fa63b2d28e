import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { createModel } from '../../src/index.js';
import { repositoryRoot } from '../helpers/repository.js';
import { startServer } from '../helpers/wire-client.js';

const python = process.env.PYTHON ?? '/usr/bin/python3';
const client = join(repositoryRoot, 'docs/eddy_client.py');
const transcriptsFile = join(repositoryRoot, 'test/golden/wire/transcripts.json');

/** What makes the messages: protoc, or the same among the packages of Python. */
const compiler = [['protoc'], [python, '-m', 'grpc_tools.protoc']].find(([command, ...args]) => {
  try {
    execFileSync(command, [...args, '--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

/** What the machine lacks to run the client, if anything. */
function missing(): string | undefined {
  try {
    if (compiler === undefined) throw new Error('Expected protoc, got none');
    execFileSync(python, ['-c', 'import websockets, google.protobuf'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'protoc, and Python with websockets and protobuf (Debian: protobuf-compiler, python3-websockets, python3-protobuf)';
  }
}

const lacks = missing();
if (lacks !== undefined) console.warn(`The Python client is not tested here, which needs ${lacks}.`);
const pythonTest = lacks === undefined ? test : test.skip;

/** A folder with the messages, made of the schema. */
function messages(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'eddy-python-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const schema = join(repositoryRoot, 'proto');
  const [command, ...args] = compiler!;
  execFileSync(command, [...args, `--proto_path=${schema}`, `--python_out=${folder}`, 'eddy/v1/stream.proto']);
  return folder;
}

function run(folder: string, args: string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PYTHONPATH: folder };
    const child = execFile(python, args, { env }, (error, stdout) => (error ? reject(error) : resolve(stdout)));
    child.stdin!.end(input);
  });
}

test('the client is short', t => {
  t.true(readFileSync(client, 'utf8').split('\n').length < 100);
});

pythonTest('it says what the network says', async t => {
  const { model: config, seed } = JSON.parse(readFileSync(transcriptsFile, 'utf8'));
  const model = await createModel(config, { seed });
  const token = 'python-0123456789';
  const server = await startServer(t, model, { tokens: [{ name: 'python', token }] });
  const rows = [
    [0.5, -0.1],
    [0.6, -0.2],
    [0.7, -0.3],
  ];
  const lines = rows.map(row => `${JSON.stringify(row)}\n`).join('');
  const said = (await run(messages(t), [client, server.url, token], lines)).trimEnd().split('\n');
  let carry = model.zeroCarry();
  const expected = rows.map(row => {
    const step = model.step(carry, Float32Array.from(row));
    carry = step.carry;
    return [...step.prediction];
  });
  t.deepEqual(
    said.map(line => JSON.parse(line)),
    expected,
  );
});

pythonTest('it does what its first lines say, as they say it', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'eddy-python-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(repositoryRoot, 'proto'), join(folder, 'proto'), { recursive: true });
  cpSync(client, join(folder, 'docs/eddy_client.py'));
  const { model: config, seed } = JSON.parse(readFileSync(transcriptsFile, 'utf8'));
  const model = await createModel(config, { seed });
  const server = await startServer(t, model);
  const [, told] = readFileSync(client, 'utf8').split('"""');
  const commands = told.split('\n').flatMap(line => (line.startsWith('    ') ? [line.trim()] : []));
  t.is(commands.length, 2);
  const said: string[] = [];
  for (const command of commands) {
    const here = command
      .replace(/^protoc /, `${compiler!.join(' ')} `)
      .replace('python3 ', `${python} `)
      .replace('ws://localhost:8080', server.url);
    const { stdout } = await promisify(execFile)('sh', ['-c', here], { cwd: folder });
    said.push(stdout);
  }
  const { prediction } = model.step(model.zeroCarry(), Float32Array.of(0.5, -0.1));
  t.deepEqual(JSON.parse(said.join('')), [...prediction]);
});

pythonTest('it reads and writes every message of the transcripts as the same bytes', async t => {
  const program = `
import json, sys
from eddy.v1.stream_pb2 import ClientMessage, ServerMessage
count = 0
for lines in json.load(open(sys.argv[1]))["transcripts"].values():
    for line in lines:
        kind = ClientMessage if line[0] == ">" else ServerMessage
        data = bytes.fromhex(line[2:])
        message = kind.FromString(data)
        assert message.WhichOneof("message") and message.SerializeToString(deterministic=True) == data, line
        count += 1
print(count)
`;
  const count = Number(await run(messages(t), ['-c', program, transcriptsFile], ''));
  t.true(count >= 30, String(count));
});
