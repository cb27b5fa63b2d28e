import { Worker } from 'node:worker_threads';
import test from 'ava';

const worker = new URL('../helpers/hostile-decoder.js', import.meta.url);

/** Decodes in a heap of 24 MiB; how many of 20 attempts were refused, or the code of the error that ended it. */
function decodeInSmallHeap(name: string, unlimited: boolean): Promise<number | string> {
  const { promise, resolve } = withResolvers<number | string>();
  const resourceLimits = { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 };
  const running = new Worker(worker, { workerData: { name, unlimited }, resourceLimits });
  running.once('message', resolve);
  running.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? String(error)));
  return promise;
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>(settle => {
    resolve = settle;
  });
  return { promise, resolve };
}

const hostile = [
  'empty chunks of text',
  'empty pen points',
  'targets of nothing',
  'one-byte token ids',
  'layers of nothing',
  'unknown fields',
  'empty entries',
  'nested lists',
  'empty objects',
  'a list of numbers',
  'just few enough targets to be decoded',
  'just few enough objects to be decoded',
  'names of nothing',
];

for (const name of hostile) {
  test.serial(`a message full of ${name} is refused before it fills a small heap`, async t => {
    t.is(await decodeInSmallHeap(name, false), 20);
  });
}

test.serial('without limits such a message fills it', async t => {
  t.is(await decodeInSmallHeap('targets of nothing', true), 'ERR_WORKER_OUT_OF_MEMORY');
});
