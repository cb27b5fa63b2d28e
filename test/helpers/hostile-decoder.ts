import { parentPort, workerData } from 'node:worker_threads';
import { WireError } from '../../src/errors.js';
import { decodeClient, decodeServer, defaultLimits } from '../../src/wire/messages.js';

/** A worker with a small heap that decodes what it is told to, many times, and says how often it was refused. */
const { name, unlimited } = workerData as { readonly name: string; readonly unlimited: boolean };
const infinite = Object.fromEntries(Object.keys(defaultLimits).map(key => [key, Number.POSITIVE_INFINITY]));
const limits = unlimited ? (infinite as never) : defaultLimits;

/** A field of wire type 2. */
function part(tag: number, bytes: Uint8Array): Uint8Array {
  const head = [tag];
  for (let rest = bytes.length; ; rest >>>= 7) {
    head.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) break;
  }
  const whole = new Uint8Array(head.length + bytes.length);
  whole.set(head);
  whole.set(bytes, head.length);
  return whole;
}

function repeated(piece: readonly number[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes - (bytes % piece.length));
  for (let i = 0; i < all.length; i++) all[i] = piece[i % piece.length];
  return all;
}

const size = unlimited ? 1 << 25 : (1 << 20) - 64;

/** One message each, as large as a message may be (32 times larger without limits). */
const hostile: Record<string, () => { data: string | Uint8Array; isBinary: boolean }> = {
  'empty chunks of text': () => binary(part(0x1a, part(0x2a, repeated([0x0a, 0], size)))),
  'empty pen points': () => binary(part(0x1a, part(0x3a, part(0x0a, repeated([0x0a, 0], size))))),
  'targets of nothing': () => binary(part(0x22, repeated([0x12, 0], size))),
  'one-byte token ids': () => binary(part(0x1a, part(0x1a, part(0x0a, repeated([1], size))))),
  'layers of nothing': () => binary(part(0x12, part(0x12, part(0x0a, repeated([0x12, 0], size))))),
  'unknown fields': () => binary(repeated([0xf8, 0x7f, 0], size)),
  'empty entries': () => binary(part(0x1a, repeated([0x12, 0], size))),
  'nested lists': () => text(`${'['.repeat(size / 2)}${']'.repeat(size / 2)}`),
  'empty objects': () => text(`{"session":1,"targets":{"targets":[${'{},'.repeat(size / 3 - 20)}{}]}}`),
  'a list of numbers': () => text(`{"session":1,"frames":{"features":{"values":[${'0,'.repeat(size / 2 - 40)}0]}}}`),
  'just few enough targets to be decoded': () => binary(part(0x22, repeated([0x12, 0], 2 * 60_000))),
  'just few enough objects to be decoded': () =>
    text(`{"session":1,"targets":{"targets":[${'{},'.repeat(30_000)}{}]}}`),
  'names of nothing': () => text(`{${'"":0,'.repeat(size / 5 - 1)}"":0}`),
};

function binary(data: Uint8Array) {
  return { data, isBinary: true };
}

function text(data: string) {
  return { data, isBinary: false };
}

const { data, isBinary } = hostile[name]();
const decode = name === 'empty entries' ? decodeServer : decodeClient;
let refused = 0;
for (let i = 0; i < 20; i++) {
  try {
    decode(data, isBinary, isBinary ? 'eddy.v1.proto' : 'eddy.v1.json', limits);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    refused++;
  }
}
parentPort!.postMessage(refused);
