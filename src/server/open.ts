import { randomBytes } from 'node:crypto';
import { cells } from '../cells/cells.js';
import { ConfigError, InputError, LimitError } from '../errors.js';
import { checkCarry, firstNotFinite } from '../model/carry.js';
import { checkConfig, type ModelConfig } from '../model/config.js';
import type { Initialization } from '../model/initialization.js';
import { notFinite } from '../model/input.js';
import { createModel } from '../model/model.js';
import { outputWidth } from '../model/outputs.js';
import type { FaultCode, Open, Opened } from '../wire/messages.js';
import { effectiveWant } from './answer.js';
import { type Grant, missingPermission } from './grant.js';
import type { Hub } from './hub.js';
import { createPrivateLearner, createSharedLearner, type SessionLearner } from './learner.js';
import type { Settings } from './options.js';
import { findModel, isTrainable, type Served, serveModel } from './served.js';
import { createSession, type Outlet, type Session } from './session.js';

/** Why a session was not opened. */
export class OpenError extends Error {
  readonly fault: FaultCode;
  readonly retryable: boolean;

  constructor(fault: FaultCode, message: string, retryable = false) {
    super(message);
    this.fault = fault;
    this.retryable = retryable;
  }
}

/** Of the name of a session, which nobody guesses. */
const tokenBytes = 16;

/** The inputs of a session of a large model are few at a time: together at most this many bytes. */
const creditBytes = 4 << 20;

/**
 * What drawing a new network may take of the thread that serves, up to a tenth of a second or so: the sum over layers of gates times the
 * cube of the size, each times what a matrix of its kind takes.
 */
const mostDrawing = 1 << 27;
const effort: Readonly<Record<Initialization, number>> = { pytorch: 0, irnn: 0, orthogonal: 1, 'np-rnn': 8 };

/** The session would have weights of its own. */
export function needsOwnWeights(message: Open): boolean {
  return message.learn === 'private' || message.fresh !== undefined;
}

/** Makes the session that was asked for. Throws `OpenError`. */
export async function openSession(message: Open, outlet: Outlet, hub: Hub, grant: Grant): Promise<Session> {
  const { models, retired, settings, counts, histograms, share } = hub;
  const missing = missingPermission(grant, message);
  if (missing !== undefined) throw new OpenError(missing.fault, missing.message);
  try {
    const learn = message.learn ?? 'none';
    const served = await servedFor(message, models);
    const { model } = served;
    const carry = carryOf(message, served);
    const learner = await learnerFor(message, served, settings);
    const credit = Math.max(2, Math.min(settings.credit, Math.floor(creditBytes / (4 * model.config.input.size))));
    const want = effectiveWant(message.want, outputWidth(model.config.output));
    const { session: number, nonce = '', resumable } = message;
    const token = resumable ? randomBytes(tokenBytes).toString('base64url') : '';
    const own = needsOwnWeights(message);
    served.sessions++;
    // A newer version may have come meanwhile.
    if (served.name !== '' && models.get(served.name) !== served) retired.add(served);
    return createSession({
      number,
      outlet,
      counts,
      histograms,
      share,
      grant,
      token,
      nonce,
      served,
      learn,
      want,
      credit,
      own,
      learner,
      carry,
    });
  } catch (error) {
    throw openError(error);
  }
}

/** What is told of a session that is open, or goes on. */
export function openedOf(session: Session, { resumeSeconds }: Settings): Opened {
  const { number, token, served, learn, learner, want, credit, nextSeq, steps, taken } = session;
  const { model } = served;
  return {
    type: 'opened',
    session: number,
    token,
    model: served.name,
    modelHash: served.hash,
    config: model.config,
    carryLayout: model.carryLayout.parts.map(({ name, length }) => ({ name, length })),
    learn,
    ...(learner === undefined ? {} : { learning: learner.learning }),
    want,
    resumable: token !== '',
    credit,
    nextSeq,
    nextStep: steps + 1,
    takenMessages: taken,
    ...(token === '' ? {} : { resumeSeconds }),
  };
}

/** The served model, or a new one that only this session has. */
async function servedFor(message: Open, models: ReadonlyMap<string, Served>): Promise<Served> {
  const { fresh } = message;
  if (fresh !== undefined) {
    checkDrawing(checkConfig(fresh.config));
    return serveModel('', await createModel(fresh.config, fresh.seed === undefined ? {} : { seed: fresh.seed }));
  }
  const served = findModel(models, message.model);
  if (served === undefined) {
    const names = [...models.keys()].join(', ');
    throw new OpenError('unknown_model', `Expected model to be one of ${names}, got ${message.model || 'no name'}`);
  }
  return served;
}

/** @throws LimitError */
function checkDrawing({ layers }: ModelConfig): void {
  let drawing = 0;
  for (const { cell, size, initialization } of layers) {
    drawing += effort[initialization!] * cells[cell].hiddenOrder.length * size ** 3;
  }
  if (drawing <= mostDrawing) return;
  throw new LimitError(
    `Expected layers whose gates times size cubed (of np-rnn times 8) come to at most ${mostDrawing}, got ${drawing}: ` +
      'take fewer units, or initialization pytorch',
  );
}

/** Throws `OpenError`, and what a trainer throws. */
export async function learnerFor(
  message: Pick<Open, 'learn' | 'learning'> & { readonly fresh?: unknown },
  served: Served,
  settings: Settings,
): Promise<SessionLearner | undefined> {
  const { learn = 'none', learning } = message;
  if (learn === 'none') return undefined;
  const { model } = served;
  if (!isTrainable(model)) {
    throw new OpenError('unsupported', `Expected learn to be none: ${served.name} cannot learn`);
  }
  if (learn === 'private') {
    return createPrivateLearner(model, learning, settings.maxLearnerBytes, Boolean(message.fresh));
  }
  return createSharedLearner(model, served, learning, settings.maxLearnerBytes);
}

function carryOf(message: Open, served: Served): Float32Array {
  const { carry } = message;
  const { carryLayout } = served.model;
  if (carry === undefined) return new Float32Array(carryLayout.size);
  checkCarry(carryLayout, carry);
  const bad = firstNotFinite(carry);
  if (bad >= 0) throw notFinite('carry', carry[bad], bad);
  return carry.slice();
}

function openError(error: unknown): unknown {
  if (error instanceof LimitError) return new OpenError('limit_reached', error.message);
  if (error instanceof ConfigError) return new OpenError('bad_config', error.message);
  if (error instanceof InputError) return new OpenError('bad_input', error.message);
  return error;
}
