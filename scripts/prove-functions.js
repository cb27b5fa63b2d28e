// Runs exp, log, tanh, sigmoid, flush and softplus on all 2³² float32 inputs, in TypeScript and in the WebAssembly module: states
// the largest error of each, and fails if one bit differs. Half an hour on two cores.
//
//   npm run build && node scripts/prove-functions.js
//
// An argument names another folder than dist to find the compiled library in, a second one a function to prove alone.
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const chunk = 1 << 16;
const chunks = 2 ** 32 / chunk;
const chunksPerReport = 64;

const names = ['exp', 'log', 'tanh', 'sigmoid', 'flush', 'softplus'];
const exact = [
  Math.exp,
  Math.log,
  Math.tanh,
  x => 1 / (1 + Math.exp(-x)),
  x => (Math.abs(x) < 2 ** -60 ? 0 : x),
  x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
];
const lowest = [null, null, -1, 0, null, null];

const emptyResult = () => ({
  differing: 0,
  firstDiffering: null,
  error: 0,
  errorAt: null,
  // The largest |exact value| that gave 0, the smallest that gave ±∞.
  lostAsZero: 0,
  lostAsInfinity: Number.POSITIVE_INFINITY,
  // Inputs whose result is NaN or infinite, or not, wrongly; inputs whose result is outside of ±1 or of 0 to 1.
  wrong: 0,
  outside: 0,
});

function merge(a, b) {
  a.differing += b.differing;
  a.firstDiffering ??= b.firstDiffering;
  if (b.error > a.error) [a.error, a.errorAt] = [b.error, b.errorAt];
  a.lostAsZero = Math.max(a.lostAsZero, b.lostAsZero);
  a.lostAsInfinity = Math.min(a.lostAsInfinity, b.lostAsInfinity);
  a.wrong += b.wrong;
  a.outside += b.outside;
}

/** Compares one chunk of results `y` with the exact values of f. */
function judge(result, f, lowest, x, y) {
  for (let i = 0; i < x.length; i++) {
    const value = y[i];
    const truth = f(x[i]);
    if (Number.isNaN(truth) || Number.isNaN(value)) {
      if (!(Number.isNaN(truth) && Number.isNaN(value))) result.wrong++;
    } else if (Math.abs(truth) === Number.POSITIVE_INFINITY) {
      if (value !== truth) result.wrong++;
    } else if (value === 0) {
      result.lostAsZero = Math.max(result.lostAsZero, Math.abs(truth));
    } else if (Math.abs(value) === Number.POSITIVE_INFINITY) {
      if (value < 0 !== truth < 0) result.wrong++;
      result.lostAsInfinity = Math.min(result.lostAsInfinity, Math.abs(truth));
    } else {
      const error = Math.abs(value / truth - 1);
      if (error > result.error) {
        result.error = error;
        result.errorAt = x[i];
      }
      if (lowest !== null && !(value >= lowest && value <= 1)) result.outside++;
    }
  }
}

/** One function on the chunks that this thread draws: one only, so that its calls are compiled into the loops. */
async function work({ folder, counter, which }) {
  const load = path => import(pathToFileURL(join(folder, 'src/kernels', path)).href);
  const scalar = (await load('functions.js'))[names[which]];
  const simd = await (await load('wasm.js')).createSimd();
  const from = simd.arena.reserve(chunk);
  const to = simd.arena.reserve(chunk);
  const words = array => new Int32Array(array.buffer, array.byteOffset, array.length);
  const [x, z] = [from.array, to.array];
  const [xWords, zWords] = [words(x), words(z)];
  const y = new Float32Array(chunk);
  const yWords = words(y);
  const next = new Int32Array(counter);
  for (;;) {
    const first = Atomics.add(next, 0, chunksPerReport);
    if (first >= chunks) break;
    const result = emptyResult();
    for (let c = first; c < first + chunksPerReport; c++) {
      for (let i = 0; i < chunk; i++) xWords[i] = (c << 16) | i;
      simd.applyFunction(which, 4 * from.address, 4 * to.address, chunk);
      for (let i = 0; i < chunk; i++) y[i] = scalar(x[i]);
      for (let i = 0; i < chunk; i++) {
        if (yWords[i] !== zWords[i] && !(Number.isNaN(y[i]) && Number.isNaN(z[i]))) {
          result.differing++;
          result.firstDiffering ??= [x[i], y[i], z[i]];
        }
      }
      judge(result, exact[which], lowest[which], x, y);
    }
    parentPort.postMessage(result);
  }
}

async function prove(folder, which) {
  const counter = new SharedArrayBuffer(4);
  const total = emptyResult();
  let done = 0;
  const run = () =>
    new Promise((finished, failed) => {
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { folder, counter, which } });
      worker.on('message', result => {
        merge(total, result);
        done += chunksPerReport;
        process.stderr.write(`\r${names[which]} ${((100 * done) / chunks).toFixed(1)} %`);
      });
      worker.on('error', failed);
      worker.on('exit', finished);
    });
  await Promise.all(Array.from({ length: availableParallelism() }, run));
  process.stderr.write('\r\x1b[K');
  if (done !== chunks) throw new Error(`Expected ${chunks} chunks, did ${done}`);
  return total;
}

function print(name, { differing, firstDiffering, error, errorAt, lostAsZero, lostAsInfinity, wrong, outside }) {
  console.log(`${name}: largest relative error ${error} at ${errorAt}`);
  if (lostAsZero > 0) console.log(`  0 for values up to ${lostAsZero} = 2^${Math.log2(lostAsZero)}`);
  if (lostAsInfinity < Number.POSITIVE_INFINITY) console.log(`  infinite for values from ${lostAsInfinity}`);
  if (differing > 0)
    console.log(`  TypeScript and WebAssembly differ for ${differing} inputs; first: ${firstDiffering}`);
  if (wrong > 0) console.log(`  NaN or infinite, or not, wrongly: ${wrong} inputs`);
  if (outside > 0) console.log(`  outside of its range: ${outside} inputs`);
  if (differing + wrong + outside > 0) process.exitCode = 1;
}

if (isMainThread) {
  const folder = resolve(process.argv[2] ?? join(root, 'dist'));
  const asked = process.argv[3];
  for (let which = 0; which < names.length; which++)
    if (asked === undefined || asked === names[which]) print(names[which], await prove(folder, which));
  console.log(
    `${2 ** 32} inputs each; TypeScript and WebAssembly agree to the bit: ${process.exitCode ? 'no' : 'yes'}`,
  );
} else {
  await work(workerData);
}
