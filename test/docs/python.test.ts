import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createModel } from '../../src/index.js';
import { repositoryRoot } from '../helpers/repository.js';
import { startServer } from '../helpers/wire-client.js';

const python = process.env.PYTHON ?? '/usr/bin/python3';
const client = join(repositoryRoot, 'docs/eddy_client.py');
const transcriptsFile = join(repositoryRoot, 'test/golden/wire/transcripts.json');

/** What the machine lacks to run the client, if anything. */
function missing(): string | undefined {
  try {
    execFileSync('protoc', ['--version'], { stdio: 'ignore' });
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
  execFileSync('protoc', [`--proto_path=${schema}`, `--python_out=${folder}`, 'eddy/v1/stream.proto']);
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
