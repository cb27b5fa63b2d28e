/** Standard input through a network on a server to standard output. */
import { type RemoteHandle, type RemoteLearned, type RemoteStep, remoteSession } from '../client/index.js';
import { InputError, RemoteError } from '../errors.js';
import type { OutputKind } from '../model/config.js';
import type { Finished, Learning, Opened } from '../wire/messages.js';
import { type Label, labelOf, type Want } from './answer.js';
import { show } from './formats/format.js';
import { createLines, type Line, longestLine } from './formats/lines.js';
import { describeBounds, describeRollback } from './guarded.js';
import { counted, exact } from './numbers.js';
import { type PlanOptions, replayCapacity } from './plan.js';
import { createSink } from './sink.js';

export interface ServerOptions
  extends Pick<PlanOptions, 'horizon' | 'k1' | 'k2' | 'rate' | 'loss' | 'replay' | 'guard'> {
  readonly server: string;
  readonly model?: string;
  readonly learn?: boolean;
  readonly want?: Want;
  readonly topK?: number;
  readonly every: number;
}

/** What is left out is the server's choice. */
function learningOf({ horizon, k1, k2, rate, loss, replay, guard }: ServerOptions): Learning {
  return {
    targetSource: 'input',
    ...(horizon === undefined ? {} : { horizon }),
    ...(k1 === undefined ? {} : { k1 }),
    ...(k2 === undefined ? {} : { k2 }),
    ...(rate === undefined ? {} : { optimizer: { kind: 'adam', rate } }),
    ...(loss === undefined ? {} : { loss: { kind: loss } }),
    ...(replay ? { replay: { windows: replay, capacity: replayCapacity } } : {}),
    ...(guard ? { guard: {} } : {}),
  };
}

/**
 * Sends text as it comes to a model of text, and lines of numbers to a model of features; one line of JSON a step. A
 * server that ends and comes back is waited for, and the output is whole all the same.
 */
export async function pipeServer(options: ServerOptions): Promise<void> {
  const { server, model, learn, want = 'top-k', topK = 3, every } = options;
  const { stdin, stdout, stderr } = process;
  const sink = createSink(stdout);
  const say = (text: string): unknown => stderr.write(`eddy: ${text}\n`);
  let opened: (opened: Opened) => void = () => {};
  const first = new Promise<Opened>(resolve => {
    opened = resolve;
  });
  let lost = false;
  /** The server has been there. */
  let met = false;
  let label = (index: number): Label => index;
  let horizon = 1;
  const token = process.env.EDDY_TOKEN;
  const common = {
    ...(token ? { token } : {}),
    ...(model === undefined ? {} : { model }),
    onOpened(message: Opened) {
      met = true;
      if (message.config) label = labelsOf(message.config);
      horizon = message.learning?.horizon ?? 1;
      opened(message);
    },
    onFinished({ totals }: Finished) {
      const bounds = describeBounds(totals?.limitedInputs ?? 0, totals?.shortenedUpdates ?? 0);
      if (bounds.length > 0) say(bounds.join(' · '));
    },
    onState(state: { kind: string; reason?: string }) {
      if (state.kind === 'resuming' && !lost) say(`the server is gone: ${state.reason}; waiting for it`);
      if (state.kind === 'open' && lost) say('the server is back, going on');
      lost = state.kind === 'resuming';
    },
  } as const;
  const open = (wanted: Want): RemoteHandle => {
    const answer = wanted === 'prediction' ? 'whole' : wanted;
    const asked = { ...common, want: { answer, topK, every } } as const;
    return learn
      ? remoteSession(server, { ...asked, learn: 'private', learning: learningOf(options) })
      : remoteSession(server, asked);
  };
  let session = open(want);

  const read = async (): Promise<void> => {
    let begun = false;
    const { config } = await first;
    if (want === 'top-k' && !hasClasses(config!.output.kind)) {
      // No value is likelier than another: what they are is known now, and all of them are asked for.
      session.close();
      session = open('prediction');
    }
    if (takesText(config!)) {
      stdin.setEncoding('utf8');
      for await (const chunk of stdin as AsyncIterable<string>) await session.send(chunk);
    } else {
      if (config!.encoder)
        say(
          `numbers go into the network as they are, and not through its encoder (${config!.encoder.kind}): eddy pipe with its checkpoint has them go through it`,
        );
      const lines = createLines();
      for await (const chunk of stdin as AsyncIterable<Uint8Array>) await sendAll(lines.read(chunk));
      await sendAll(lines.end());
    }
    session.finish();

    /** An empty line is counted, and is no step; nor is a heading. */
    async function sendAll(some: readonly Line[]): Promise<void> {
      for (const line of some) {
        if (line.text.trim() === '') continue;
        const isHeading = !begun && !line.tooLong && cellsOf(line).every(cell => Number.isNaN(numberIn(cell)));
        begun = true;
        if (isHeading) say(`line ${line.line} has no number: left out, as the heading`);
        else await session.send(numbersOf(line, config!));
      }
    }
  };
  let due = false;
  /** Until whoever reads the lines has room for more. */
  let room = Promise.resolve();
  /** The lines of one turn leave together. */
  const handOn = (): void => {
    if (due) return;
    due = true;
    setImmediate(() => {
      due = false;
      room = sink.flush();
    });
  };

  const reading = read().catch((error: unknown) => {
    // What came before a line that is none is answered all the same.
    if (error instanceof InputError) session.finish();
    else session.close();
    throw error;
  });
  reading.catch(() => {});

  const write = async (answers: RemoteHandle): Promise<void> => {
    const lossAt = createLosses();
    for await (const event of answers) {
      if ('kind' in event && event.kind === 'update' && event.update.rollback)
        say(describeRollback(event.update.rollback));
      const line = describe(event, lossAt(event, horizon), label);
      if (line === undefined) continue;
      sink.line(JSON.stringify(line));
      if (sink.full) await sink.flush();
      else handOn();
      await room;
      if (sink.closed) break;
    }
  };

  try {
    const asked = session;
    await write(asked);
    if (session !== asked) await write(session);
    if (!sink.closed) await reading;
  } catch (error) {
    throw !met ? unmet(error, server) : error;
  } finally {
    await sink.end();
    stdin.destroy();
  }
}

/** What is wrong where no connection was made, and the way out. */
function unmet(error: unknown, server: string): unknown {
  if (!(error instanceof RemoteError)) return error;
  const { fault, retryable, closeCode } = error;
  const { code = '' } = (error.cause ?? {}) as { code?: string };
  const reason = reasons[code];
  if (reason === undefined && fault !== 'not_permitted') return error;
  const message = reason
    ? `Expected a server at ${server}, got ${code}: ${reason}`
    : `${error.message}: eddy pipe takes its token from the variable EDDY_TOKEN`;
  return new RemoteError(message, { fault, retryable, closeCode }, { cause: error });
}

const untrusted =
  'its certificate is not trusted here. Name the file of it, or of who signed it, in NODE_EXTRA_CA_CERTS';

const reasons: Record<string, string> = {
  ECONNREFUSED: 'nobody listens there. Start one with eddy serve, or check the port',
  ENOTFOUND: 'there is no such host. Check its name',
  EPROTO: 'it speaks no TLS. The address of one without a certificate begins with ws://',
  ECONNRESET: 'it hung up. The address of one with a certificate begins with wss://',
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
};

type Config = NonNullable<Opened['config']>;

function takesText({ encoder, input }: Config): boolean {
  return encoder !== undefined && input.kind === 'token';
}

/** The names of the outputs, and of a network that foretells its own tokens their characters. */
function labelsOf(config: Config): (index: number) => Label {
  const { input, output, labels } = config;
  if (takesText(config) && output.kind === 'classes' && output.size === input.size) return labelOf(config);
  return index => labels?.[index] ?? index;
}

function hasClasses(kind: OutputKind): boolean {
  return kind === 'classes' || kind === 'labels';
}

function cellsOf({ text }: Line): string[] {
  // Commas, semicolons and tabs each end a cell: one that is empty is missing, and the next does not take its place.
  return text.trim().split(/\s*[,;]\s*| *\t *|\s+/);
}

function numberIn(cell: string): number {
  return cell === '' ? Number.NaN : Number(cell);
}

/** @throws InputError naming the line, for what is no row of the network */
function numbersOf(one: Line, { input, encoder }: Config): Float32Array | number {
  const { line, tooLong } = one;
  if (tooLong) throw new InputError(`Expected line ${line} to be numbers, got more than ${longestLine} characters`);
  const cells = cellsOf(one);
  const values = Float32Array.from(cells, numberIn);
  const bad = values.findIndex(value => !Number.isFinite(value));
  if (bad >= 0) throw new InputError(`Expected line ${line} to be numbers, got ${show(cells[bad])}`);
  const size = input.kind === 'token' ? 1 : encoder === undefined ? input.size : undefined;
  if (size !== undefined && cells.length !== size)
    throw new InputError(
      `Expected line ${line} to have ${counted(size, 'number')}, as the network takes, got ${cells.length}`,
    );
  return input.kind === 'token' ? numberIn(cells[0]) : values;
}

/**
 * The loss that a line says: of the prediction that foretold its input, `horizon` steps before. It is told with the answer to that one, or
 * later, as the text came in chunks; in any case before the line.
 */
function createLosses(): (event: RemoteStep | RemoteLearned, horizon: number) => number | undefined {
  const told = new Map<number, number>();
  return (event, horizon) => {
    if (!('kind' in event) || (event.kind !== 'step' && event.kind !== 'late')) return undefined;
    const { number, loss } = event;
    if (loss !== null) told.set(number, loss);
    if (event.kind === 'late') return undefined;
    const due = told.get(number - horizon);
    for (const step of told.keys()) if (step <= number - horizon) told.delete(step);
    return due;
  };
}

function describe(
  event: RemoteStep | RemoteLearned,
  loss: number | undefined,
  label: (index: number) => Label,
): object | undefined {
  if ('kind' in event && event.kind !== 'step') return undefined;
  const { step, limited } = 'kind' in event ? event : { step: event };
  const { number, prediction, topIndices, topValues } = step;
  return {
    step: number,
    ...(topIndices
      ? { top: topIndices.map((index, i) => ({ label: label(index), p: exact(topValues![i]) })) }
      : prediction.length > 0
        ? { prediction: Array.from(prediction, exact) }
        : {}),
    ...(loss === undefined ? {} : { loss: exact(loss) }),
    ...(limited ? { limited } : {}),
  };
}
