import test from 'ava';
import { createOutgoing, type Outgoing, type RemoteItem } from '../../src/client/outgoing.js';
import { framesFrom } from '../../src/client/sent.js';
import { InputError, LimitError, TargetError } from '../../src/errors.js';
import { type Frames, frameCount } from '../../src/wire/messages.js';
import { scribble } from '../helpers/ink.js';

function filled(items: readonly RemoteItem[], most = 10_000): Outgoing {
  const outgoing = createOutgoing(most, target => target);
  for (const item of items) outgoing.push(item);
  return outgoing;
}

/** All messages, in brief: their kind, first number and how many. */
function messages(outgoing: Outgoing, room = 10_000): unknown[] {
  const all: unknown[] = [];
  let seq = 1;
  for (;;) {
    const taken = outgoing.take(1, seq, room);
    if (taken === undefined) return all;
    const { message } = taken;
    if (message.type === 'targets') {
      all.push(['targets', message.forStep, message.targets.length]);
    } else if (message.type === 'reset') {
      all.push(['reset', message.beforeSeq, message.weights]);
    } else if (message.type === 'frames') {
      const count = frameCount(message.payload);
      all.push([message.payload.kind, message.firstSeq, count, message.targets?.targets.length ?? 0]);
      seq += count;
    }
  }
}

const row = (length: number): Float32Array => new Float32Array(length).fill(0.5);

test('what can be in one message is, in order', t => {
  const items: RemoteItem[] = [
    row(2),
    row(2),
    row(3),
    { input: row(3), target: null },
    { input: row(3), target: 1 },
    { input: row(3) },
    { forStep: 2, target: 1 },
    { forStep: 3, target: null },
    { forStep: 5, target: 2 },
    7,
    8,
    'text',
    'more',
    scribble(1, 1, 2),
    scribble(2, 1, 300),
    { reset: true },
    'next',
    { reset: true, weights: true },
  ];
  t.deepEqual(messages(filled(items)), [
    ['features', 1, 2, 0],
    ['features', 3, 1, 0],
    ['features', 4, 2, 2],
    ['features', 6, 1, 0],
    ['targets', 2, 2],
    ['targets', 5, 1],
    ['tokens', 7, 2, 0],
    ['text', 9, 2, 0],
    ['points', 11, 3, 0],
    ['reset', 14, undefined],
    ['text', 14, 1, 0],
    ['reset', 15, true],
  ]);
});

test('no more frames leave than there is room for, and targets need none', t => {
  const outgoing = filled([1, 2, 3, { forStep: 1, target: 0 }, 4]);
  const taken = outgoing.take(1, 1, 2);
  t.is((taken as { targets: unknown[] }).targets.length, 2);
  t.is(outgoing.take(1, 3, 0), undefined);
  t.is(outgoing.size(), 3);
  outgoing.take(1, 3, 1);
  t.is(outgoing.take(1, 4, 0)?.message.type, 'targets');
  t.is(outgoing.take(1, 4, 0), undefined);
});

test('messages are bounded in frames and bytes', t => {
  t.deepEqual(
    messages(filled(Array(2500).fill(1))).map(message => (message as number[])[2]),
    [1024, 1024, 452],
  );
  t.deepEqual(
    messages(filled(Array(5).fill(row(10_000)))).map(message => (message as number[])[2]),
    [2, 2, 1],
  );
});

test('a long text leaves in chunks that cut no character', t => {
  const text = `${'x'.repeat(255)}😀${'é'.repeat(300)}`;
  const message = filled([text]).take(1, 1, 100)?.message;
  const chunks = message?.type === 'frames' && message.payload.kind === 'text' ? message.payload.chunks : [];
  t.is(chunks.join(''), text);
  t.deepEqual(
    chunks.map(chunk => chunk.length),
    [255, 256, 46],
  );
  // A half of a character would come back as U+FFFD.
  t.true(chunks.every(chunk => new TextDecoder().decode(new TextEncoder().encode(chunk)) === chunk));
});

test('what was taken is as it was given, though its giver writes on', t => {
  const features = Float32Array.of(1, 2);
  const pen = { x: 1, y: 2, time: 0, up: false };
  const taken = [filled([features]), filled([[pen]])];
  features.fill(0);
  Object.assign(pen, { x: 3, y: 4 });
  const [rows, ink] = taken.map(outgoing => (outgoing.take(1, 1, 10)!.message as Frames).payload);
  t.like(rows, { values: Float32Array.of(1, 2) });
  t.like(ink, { chunks: [[{ x: 1, y: 2 }]] });
});

test('what cannot be sent is refused, and what would be too much', t => {
  const outgoing = filled([1, 2], 2);
  t.throws(() => outgoing.push(3), { instanceOf: LimitError, message: /at most 2/ });
  const empty = filled([]);
  for (const item of [-1, 0.5, Number.NaN, 2 ** 32, new Float32Array(0), [1, 2], undefined, null, true]) {
    t.throws(() => empty.push(item as never), { instanceOf: InputError }, String(item));
  }
  for (const target of ['x', Number.NaN, new Float32Array(0), [1], true]) {
    t.throws(() => empty.push({ input: 1, target } as never), { instanceOf: TargetError }, String(target));
  }
  for (const forStep of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
    t.throws(() => empty.push({ forStep, target: null }), { instanceOf: TargetError }, String(forStep));
  }
  for (const weight of [-1, Number.NaN, Number.POSITIVE_INFINITY, '2']) {
    t.throws(() => empty.push({ input: 1, target: 1, weight } as never), { instanceOf: TargetError }, String(weight));
    t.throws(() => empty.push({ forStep: 1, target: 1, weight } as never), { instanceOf: TargetError }, String(weight));
  }
  t.throws(() => empty.push({ input: 1, weight: 2 }), { instanceOf: TargetError, message: /weight to come with its/ });
  t.is(empty.size(), 0);
});

test('weights go with their targets, only where there are some, and stay with them when frames are sent again', t => {
  const items = [
    { input: 1, target: 1 },
    { input: 2, target: 0, weight: 0.5 },
    { input: 3, target: null },
  ];
  const message = filled(items).take(1, 5, 10)?.message as Frames;
  t.deepEqual(message.targets, { targets: [1, 0, null], weights: [1, 0.5, 1] });
  t.deepEqual(framesFrom(message, 6).targets, { targets: [0, null], weights: [0.5, 1] });
  const plain = filled([items[0], { ...items[0], weight: 1 }]).take(1, 1, 10)?.message as Frames;
  t.deepEqual(plain.targets, { targets: [1, 1] });
  const late = [
    { forStep: 4, target: 1 },
    { forStep: 5, target: 1, weight: 0 },
  ];
  t.like(filled(late).take(1, 1, 10)?.message, { forStep: 4, targets: [1, 1], weights: [1, 0] });
});
