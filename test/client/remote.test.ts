import test, { type ExecutionContext } from 'ava';
import { defer, finalize, from, lastValueFrom, NEVER, type OperatorFunction, Subject, take, tap, toArray } from 'rxjs';
import {
  type RemoteItem,
  type RemoteLearned,
  type RemoteOptions,
  type RemoteStep,
  remote as realRemote,
} from '../../src/client/index.js';
import { createAudio, type Sound } from '../../src/encoders/audio.js';
import { createCharacters } from '../../src/encoders/characters.js';
import { createStrokes, type Point } from '../../src/encoders/strokes.js';
import { ConfigError, InputError, LimitError, RemoteError, TargetError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import type { Step } from '../../src/model/transfer.js';
import { afresh, type Reset } from '../../src/operators/afresh.js';
import { encode } from '../../src/operators/encode.js';
import type { Example, LateTarget, Learned } from '../../src/operators/learned.js';
import { step } from '../../src/operators/step.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { createRandom } from '../../src/random.js';
import type { ServeOptions, Server } from '../../src/server/index.js';
import { createTrainer } from '../../src/training/trainer.js';
import { bits } from '../helpers/bits.js';
import { clauses, type Operator } from '../helpers/contract.js';
import { scribble } from '../helpers/ink.js';
import { config, randomInput, randomTarget } from '../helpers/models.js';
import { startServer } from '../helpers/wire-client.js';

/** What is left of a stream when its server closes is not to wait for another. */
const remote = ((url: string, options: object = {}) =>
  realRemote(url, { reconnect: { patience: 0 }, ...options })) as typeof realRemote;

const values = config('gru', [5]);
const model = await createModel(values, { seed: 7 });
const random = createRandom(1);
const rows = Array.from({ length: 5 }, () => randomInput(random, model) as Float32Array);
const examples = rows.map((input): Example<Float32Array> => ({ input, target: randomTarget(random, model) }));

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** The operator, and what waits until each of its subscriptions has ended or has an answer to every item so far. */
function watched<In, Out>(operator: OperatorFunction<In, Out>, answers: (item: In) => number) {
  const subscriptions: { due: number; ended: boolean; open: boolean }[] = [];
  return {
    operator: (source =>
      defer(() => {
        const one = { due: 0, ended: false, open: true };
        subscriptions.push(one);
        const end = (): void => {
          one.ended = true;
        };
        return source.pipe(
          tap({
            next: item => {
              one.due += answers(item);
            },
            complete: end,
            error: end,
          }),
          operator,
          tap(() => one.due--),
          finalize(() => {
            one.open = false;
          }),
        );
      })) as OperatorFunction<In, Out>,
    async settle(): Promise<void> {
      while (subscriptions.some(({ due, ended, open }) => open && (ended || due > 0))) await nextTurn();
      // What should not come has its chance.
      for (let i = 0; i < 5; i++) await nextTurn();
    },
  };
}

/** Declares the clauses of the contract, each against a server of its own. */
function keepsContractRemotely<In, Out>(
  name: string,
  operator: (server: Server) => Omit<Operator<In, Out>, 'make' | 'settle'> & {
    operator(): OperatorFunction<In, Out>;
    answers(item: In): number;
  },
): void {
  for (const clause of clauses) {
    test(clause.title!('', name, undefined as never), async t => {
      const server = await startServer(t, await createModel(values, { seed: 7 }), { grace: 0 });
      const given = operator(server);
      const settles: (() => Promise<void>)[] = [];
      await clause.exec(t, name, {
        ...given,
        make: async () => {
          const { operator: made, settle } = watched(given.operator(), given.answers);
          settles.push(settle);
          return made;
        },
        settle: async () => {
          for (const settle of settles) await settle();
        },
      } as unknown as Operator<unknown, unknown>);
    });
  }
}

const wrongArguments = [
  { what: 'no address', call: () => remote('nowhere'), code: 'EDDY_CONFIG' },
  { what: 'another protocol', call: () => remote('ftp://localhost'), code: 'EDDY_CONFIG' },
  { what: 'an unknown subprotocol', call: () => remote('ws://x', { subprotocol: 'x' as never }), code: 'EDDY_CONFIG' },
  { what: 'no buffer', call: () => remote('ws://x', { maxBuffered: 0 }), code: 'EDDY_CONFIG' },
];

for (const subprotocol of ['eddy.v1.proto', 'eddy.v1.json'] as const) {
  keepsContractRemotely<Float32Array, RemoteStep>(`remote on ${subprotocol}`, ({ url }) => ({
    operator: () => remote(url, { subprotocol, want: { logits: true, carry: true } }),
    answers: () => 1,
    items: rows,
    expected: async items => {
      const steps = await lastValueFrom(from(items).pipe(step(model), toArray()));
      return steps.map(({ prediction, logits, carry }, i) => [i + 1, bits(prediction), bits(logits), bits(carry)]);
    },
    show: ({ number, prediction, logits, carry }) => [number, bits(prediction), bits(logits!), bits(carry!)],
    wrong: [
      { what: 'a row of another length', item: new Float32Array(2), code: 'EDDY_REMOTE' },
      { what: 'a number that is not finite', item: Float32Array.of(0, Number.NaN, 0), code: 'EDDY_REMOTE' },
      { what: 'a token', item: 1, code: 'EDDY_REMOTE' },
      { what: 'a number that is no token', item: -1, code: 'EDDY_INPUT' },
      { what: 'nothing', item: undefined, code: 'EDDY_INPUT' },
      { what: 'an empty row', item: new Float32Array(0), code: 'EDDY_INPUT' },
    ],
    wrongArguments,
    // All of it: answers never come in the turn in which the source emits.
    before: 1000,
  }));
}

/** What both a learner here and one elsewhere say. */
function showLearned(event: Learned | RemoteLearned): unknown {
  switch (event.kind) {
    case 'step':
      return ['step', event.number, bits(event.step.prediction), event.target, event.loss];
    case 'late':
      return ['late', event.number, event.loss];
    case 'update': {
      const { count, loss, gradientNorm, clipped, skipped, windows, steps, labelled, short } = event.update;
      return ['update', count, loss, gradientNorm, clipped, skipped, windows, steps, labelled, short];
    }
    default:
      return [event.kind, event.number];
  }
}

const options = { k1: 2, k2: 3, lateness: 2 };

async function learnedHere(items: readonly (Example<Float32Array> | LateTarget)[], ended: boolean): Promise<unknown[]> {
  const own = await createModel(values, { seed: 7 });
  const shown: unknown[] = [];
  const source = new Subject<Example<Float32Array> | LateTarget>();
  source.pipe(tbptt(createTrainer(own, options))).subscribe(event => shown.push(showLearned(event)));
  for (const item of items) source.next(item);
  if (ended) source.complete();
  return shown;
}

keepsContractRemotely<Example<Float32Array>, RemoteLearned>('remote that learns', ({ url }) => ({
  operator: () => remote(url, { learn: 'private', learning: options }),
  answers: () => 1,
  items: examples,
  expected: learnedHere,
  show: showLearned,
  wrong: [
    { what: 'a row of another length', item: { input: new Float32Array(2) }, code: 'EDDY_REMOTE' },
    { what: 'a target of another length', item: { input: rows[0], target: new Float32Array(9) }, code: 'EDDY_REMOTE' },
    { what: 'a target for no step', item: { forStep: 0, target: null }, code: 'EDDY_TARGET' },
    { what: 'a target that is none', item: { input: rows[0], target: 'x' }, code: 'EDDY_TARGET' },
  ],
  wrongArguments,
  before: 1000,
}));

/** A server on the model of these tests. */
const served = async (t: ExecutionContext, given: ServeOptions = {}): Promise<string> =>
  (await startServer(t, await createModel(values, { seed: 7 }), { grace: 0, ...given })).url;

test('learning elsewhere says what learning here says, late, double and expired targets too', async t => {
  const url = await served(t);
  const items: (Example<Float32Array> | LateTarget)[] = [];
  for (let i = 0; i < 40; i++) {
    const input = randomInput(random, model) as Float32Array;
    items.push(i % 3 === 0 ? { input, target: randomTarget(random, model) } : { input });
    if (i % 2 === 1) items.push({ forStep: Math.max(1, i - (i % 5)), target: randomTarget(random, model) });
  }
  const events = await lastValueFrom(from(items).pipe(remote(url, { learn: 'private', learning: options }), toArray()));
  t.deepEqual(events.map(showLearned), await learnedHere(items, true));
  t.true(events.some(event => event.kind === 'expired'));
  t.true(events.some(event => event.kind === 'duplicate'));
});

test('a long stream is answered within the credit, each input once and in order', async t => {
  const url = await served(t, { credit: 8 });
  const many = Array.from({ length: 3000 }, (_, i) => rows[i % 5].map(x => x + i / 3000));
  let credit = 0;
  const there = await lastValueFrom(
    from(many).pipe(
      remote(url, {
        onOpened: opened => {
          ({ credit } = opened);
        },
      }),
      toArray(),
    ),
  );
  const here = await lastValueFrom(from(many).pipe(step(model), toArray()));
  t.is(credit, 8);
  t.is(there.length, here.length);
  t.true(there.every(({ number }, i) => number === i + 1));
  t.deepEqual(bits(there[2999].prediction), bits(here[2999].prediction));
});

test('an array that the caller writes on is sent as it was', async t => {
  const url = await served(t);
  const source = new Subject<Float32Array>();
  const answers = lastValueFrom(source.pipe(remote(url), toArray()));
  const row = rows[0].slice();
  source.next(row);
  row.fill(9);
  source.complete();
  const [answer] = await answers;
  t.deepEqual(bits(answer.prediction), bits(model.step(model.zeroCarry(), rows[0]).prediction));
});

test('the carry to go on from is the operator’s own, and that of step', async t => {
  const url = await served(t);
  const [first] = await lastValueFrom(from(rows.slice(0, 1)).pipe(step(model), toArray()));
  const carry = first.carry.slice();
  const operator = remote<Float32Array>(url, { carry });
  carry.fill(9);
  const there = await lastValueFrom(from(rows.slice(1)).pipe(operator, toArray()));
  const here = await lastValueFrom(from(rows.slice(1)).pipe(step(model, first.carry), toArray()));
  t.deepEqual(
    there.map(({ prediction }) => bits(prediction)),
    here.map(({ prediction }) => bits(prediction)),
  );
});

test('what is wanted comes: top k, every n-th, only the last', async t => {
  const classes = await createModel(config('gru', [4], { kind: 'token', size: 6 }, { kind: 'classes', size: 6 }));
  const { url } = await startServer(t, classes);
  const tokens = [0, 3, 5, 1, 2, 4];
  const here = await lastValueFrom(from(tokens).pipe(step(classes), toArray()));
  const best = (i: number) => here[i].prediction.indexOf(Math.max(...here[i].prediction));
  const top = await lastValueFrom(from(tokens).pipe(remote(url, { want: { answer: 'top-k', topK: 2 } }), toArray()));
  t.deepEqual(
    top.map(({ topIndices }) => topIndices![0]),
    tokens.map((_, i) => best(i)),
  );
  t.true(top.every(({ prediction, topValues }) => prediction.length === 0 && topValues!.length === 2));
  const third = await lastValueFrom(from(tokens).pipe(remote(url, { want: { every: 3 } }), toArray()));
  t.deepEqual(
    third.map(({ number }) => number),
    [3, 6],
  );
  const last = await lastValueFrom(from(tokens).pipe(remote(url, { want: { last: true } }), toArray()));
  t.deepEqual(
    last.map(({ number, prediction }) => [number, bits(prediction)]),
    [[6, bits(here[5].prediction)]],
  );
});

test('text is answered character by character, long ones too', async t => {
  const vocabulary = 'abc ';
  const letters = await createModel({
    ...config('gru', [4], { kind: 'token', size: 5 }, { kind: 'classes', size: 5 }),
    encoder: { kind: 'characters', vocabulary },
  });
  const { url } = await startServer(t, letters);
  const text = `${'ab ca'.repeat(300)}😀b`;
  const there = await lastValueFrom(from(['ab', text]).pipe(remote<string>(url), toArray()));
  const tokens = Array.from(`ab${text}`, character =>
    vocabulary.includes(character) ? vocabulary.indexOf(character) : 4,
  );
  const here = await lastValueFrom(from(tokens).pipe(step(letters), toArray()));
  t.deepEqual(
    there.map(({ prediction }) => bits(prediction)),
    here.map(({ prediction }) => bits(prediction)),
  );
});

test('text that is cut in the middle of a character is answered as it is whole', async t => {
  const size = 5;
  const letters = await createModel({
    ...config('gru', [4], { kind: 'token', size }, { kind: 'classes', size }),
    encoder: { kind: 'characters', vocabulary: 'ab😀😁' },
  });
  const { url } = await startServer(t, letters);
  const text = 'a😀b😁😁';
  // In the end half a character, whose other half never comes.
  const units = [...text.split(''), '😀'[0]];
  const tokens = from([0, 2, 1, 3, 3, 4]);
  const here = await lastValueFrom(tokens.pipe(step(letters), toArray()));
  for (const subprotocol of ['eddy.v1.proto', 'eddy.v1.json'] as const) {
    for (const chunks of [units, [`${text.slice(0, 2)}`, text.slice(2, 5), text.slice(5) + units.at(-1)]]) {
      const there = await lastValueFrom(from(chunks).pipe(remote<string>(url, { subprotocol }), toArray()));
      t.deepEqual(
        there.map(({ prediction }) => bits(prediction)),
        here.map(({ prediction }) => bits(prediction)),
      );
    }
  }
  // The halves of one character are none where a stream ends between them.
  const cut = from<(string | Reset)[]>(['a', '😀'[0], { reset: true }, '😀'[1], 'b']);
  const there = await lastValueFrom(cut.pipe(remote<string | Reset>(url), toArray()));
  const encoder = createCharacters({ kind: 'characters', vocabulary: 'ab😀😁' });
  const anew = await lastValueFrom(
    cut.pipe(
      afresh<string, Step>(() => source => source.pipe(encode(encoder), step(letters))),
      toArray(),
    ),
  );
  t.is(anew.length, 4);
  t.deepEqual(
    there.map(({ prediction }) => bits(prediction)),
    anew.map(({ prediction }) => bits(prediction)),
  );
});

test('ink is answered input by input, long strokes too', async t => {
  const encoder = createStrokes({ kind: 'strokes', spacing: 0.5, unit: 10, time: true });
  const pen = await createModel({ ...config('gru', [4], encoder.input), encoder: { ...encoder.config } });
  const { url } = await startServer(t, pen);
  // The last stroke is not ended: it ends with the stream.
  const open = scribble(3).map(point => ({ ...point, up: false }));
  for (const pieces of [[scribble(3), scribble(4, 1, 700)], [scribble(3), open], [open]]) {
    const there = await lastValueFrom(from(pieces).pipe(remote<readonly Point[]>(url), toArray()));
    const here = await lastValueFrom(from(pieces).pipe(encode(encoder), step(pen), toArray()));
    t.deepEqual(
      there.map(({ number, prediction }) => [number, bits(prediction)]),
      here.map(({ prediction }, i) => [i + 1, bits(prediction)]),
    );
  }
});

test('a reset begins the stream anew, as here, and with weights those of a private learner', async t => {
  const url = await served(t);
  // Groups of k1 steps are counted from the first step of the session.
  const learning = { k1: 1, k2: 8, optimizer: { kind: 'adam', rate: 0.01 } } as const;
  const items = [...examples.slice(0, 3), { reset: true }, ...examples.slice(3)] as const;
  const again = [...items, { reset: true, weights: true }, ...items] as const;
  const there = await lastValueFrom(
    from<readonly RemoteItem[]>(again).pipe(remote(url, { learn: 'private', learning }), toArray()),
  );
  const trainer = createTrainer(await createModel(values, { seed: 7 }), learning);
  const here = await lastValueFrom(
    from<readonly (Example<Float32Array> | Reset)[]>(items).pipe(
      afresh<Example<Float32Array>, Learned>(() => tbptt(trainer)),
      toArray(),
    ),
  );
  const stepsOf = (events: readonly (Learned | RemoteLearned)[]) =>
    events.flatMap(event => (event.kind === 'step' ? [bits(event.step.prediction)] : []));
  t.is(stepsOf(here).length, 5);
  t.deepEqual(stepsOf(there), [...stepsOf(here), ...stepsOf(here)]);
});

test('sound is answered frame by frame, long chunks too, of 16 bits or with its rate', async t => {
  const encoder = createAudio({ kind: 'audio', rate: 8000, bands: 5 });
  const ear = await createModel({ ...config('gru', [4], encoder.input), encoder: { ...encoder.config } });
  const { url } = await startServer(t, ear);
  const random = createRandom(3);
  const samples = Int16Array.from({ length: 9000 }, () => 500 * random.normal());
  const floats = Float32Array.from(samples, sample => sample / 32768);
  const sounds: (Int16Array | Exclude<Sound, Float32Array>)[][] = [
    [samples.slice(0, 5000), samples.slice(5000)],
    [{ rate: 16_000, samples: floats }],
  ];
  for (const pieces of sounds) {
    const there = await lastValueFrom(from(pieces).pipe(remote<(typeof pieces)[number]>(url), toArray()));
    const here = await lastValueFrom(from(pieces).pipe(encode(encoder), step(ear), toArray()));
    t.true(there.length > 50);
    t.deepEqual(
      there.map(({ prediction }) => bits(prediction)),
      here.map(({ prediction }) => bits(prediction)),
    );
  }
  for (const wrong of [
    { rate: 0, samples },
    { rate: 8000, samples: [1] },
  ])
    await t.throwsAsync(lastValueFrom(from([wrong as never]).pipe(remote(url))), { instanceOf: InputError });
});

test('numbers are targets of networks of one value', async t => {
  const one = await createModel(config('gru', [3], { kind: 'features', size: 3 }, { kind: 'values', size: 1 }), {
    seed: 2,
  });
  const { url } = await startServer(t, one);
  const items = rows.map((input, i) => ({ input, target: i / 4 }));
  const there = await lastValueFrom(
    from(items).pipe(remote(url, { learn: 'private', learning: { k1: 1, k2: 2 } }), toArray()),
  );
  const here = await lastValueFrom(from(items).pipe(tbptt(createTrainer(one, { k1: 1, k2: 2 })), toArray()));
  t.deepEqual(there.map(showLearned), here.map(showLearned));
});

test('what onOpened or onFinished throws is the error of the stream', async t => {
  const url = await served(t);
  for (const name of ['onOpened', 'onFinished'] as const) {
    const broken = (): void => {
      throw new RangeError(`in ${name}`);
    };
    const options = { [name]: broken } as RemoteOptions;
    const stream = from(rows).pipe(remote(url, options as RemoteOptions & { learn?: 'none' }), toArray());
    await t.throwsAsync(lastValueFrom(stream), { instanceOf: RangeError, message: `in ${name}` });
  }
});

test('faults are RemoteErrors with the code of the fault', async t => {
  const url = await served(t);
  const fails = (options: object, items: unknown[] = rows) =>
    t.throwsAsync(lastValueFrom(from(items).pipe(remote(url, options as never) as never, toArray())), {
      instanceOf: RemoteError,
    });
  t.like(await fails({ model: 'nobody' }), { code: 'EDDY_REMOTE', fault: 'unknown_model', retryable: false });
  t.like(await fails({ learn: 'shared' }), { fault: 'not_permitted' });
  t.like(await fails({ learn: 'private', learning: { k1: 3, k2: 1 } }), { fault: 'bad_config' });
  t.like(await fails({}, [rows[0], new Float32Array(7)]), { fault: 'bad_input', seq: 2 });
  t.like(await fails({ carry: new Float32Array(2) }), { fault: 'bad_input' });
});

test('no server, a server that refuses, and one that goes away are told as closed', async t => {
  const gone = await startServer(t, await createModel(values));
  await gone.close();
  const nobody = await t.throwsAsync(lastValueFrom(NEVER.pipe(remote(gone.url))), { instanceOf: RemoteError });
  t.like(nobody, { fault: 'closed', closeCode: 1006, retryable: true });
  t.regex(nobody?.message ?? '', /ECONNREFUSED/);

  const elsewhere = await served(t, { path: '/elsewhere' });
  const refused = await t.throwsAsync(lastValueFrom(NEVER.pipe(remote(elsewhere))), { instanceOf: RemoteError });
  t.regex(refused?.message ?? '', /404/);

  const server = await startServer(t, await createModel(values), { grace: 60_000 });
  const source = new Subject<Float32Array>();
  const answers: RemoteStep[] = [];
  const error = new Promise<RemoteError>(resolve => {
    source.pipe(remote(server.url, { reconnect: false })).subscribe({
      next(answer) {
        answers.push(answer);
        server.close();
      },
      error: resolve,
    });
  });
  source.next(rows[0]);
  t.like(await error, { fault: 'closed', closeCode: 1012, retryable: true });
  t.is(answers.length, 1);
});

test('more than may wait is an error at once, and stops the source', async t => {
  const url = await served(t);
  let pulled = 0;
  const endless = function* () {
    for (;;) {
      pulled++;
      yield rows[0];
    }
  };
  await t.throwsAsync(lastValueFrom(from(endless()).pipe(remote(url, { maxBuffered: 100 }))), {
    instanceOf: LimitError,
    message: /at most 100 .*maxBuffered/,
  });
  t.is(pulled, 101);
});

test('unsubscribing closes the session and the socket', async t => {
  const server = await startServer(t, await createModel(values));
  const health = async () => (await (await fetch(`${server.httpUrl}/healthz`)).json()) as Record<string, number>;
  await lastValueFrom(from(rows).pipe(remote(server.url), take(1)));
  while ((await health()).connections > 0) await nextTurn();
  t.like(await health(), { connections: 0, sessions: 0 });
  // Also before the connection is there.
  const early = NEVER.pipe(remote(server.url)).subscribe();
  early.unsubscribe();
  while ((await health()).connections > 0) await nextTurn();
  t.is((await health()).sessions, 0);
});

test('wrong items are told by their own errors, after the answers to those before', async t => {
  const url = await served(t);
  for (const [item, kind] of [
    [1.5, InputError],
    [2 ** 32, InputError],
    [null, InputError],
    [{ forStep: 1.5, target: 1 }, TargetError],
  ] as const) {
    const got: unknown[] = [];
    const failing = from([rows[0], rows[1], item]).pipe(
      remote(url, { learn: 'private', learning: {} }) as OperatorFunction<unknown, unknown>,
      tap(answer => got.push(answer)),
    );
    await t.throwsAsync(lastValueFrom(failing), { instanceOf: kind });
    t.is(got.length, 2);
  }
  t.throws(() => remote('ws://x', { subprotocol: 'eddy.v2' as never }), { instanceOf: ConfigError });
  t.throws(() => remote('ws://x', { learn: true as never }), {
    instanceOf: ConfigError,
    message: 'Expected learn to be one of none, private, shared, got true',
  });
});
