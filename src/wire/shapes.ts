/**
 * Where a record differs from its message in the .proto file: lists of numbers are typed arrays, a target is a number, a
 * vector or null, the payload of `Frames` is one tagged record. Everything else goes field by field.
 */
import { WireError } from '../errors.js';
import type { PcmChunk } from './client-messages.js';
import { bytesFromFloats, bytesFromInt16, floatsFromBytes, floatsFromInt16 } from './floats.js';
import { defaultLimits } from './limits.js';
import { scanJson } from './scan.js';

// biome-ignore lint/suspicious/noExplicitAny: a record whose fields the schema has checked, not the compiler
type Loose = any;

interface Shape {
  /** From the fields of the message, each read already. */
  readonly fromFields: (fields: Loose) => unknown;
  /** To the fields of the message; `plain` asks for plain number lists instead of bytes. */
  readonly toFields: (record: Loose, plain: boolean) => Loose;
}

export const shapes: { readonly [message: string]: Shape | undefined } = {
  Floats: {
    fromFields: ({ data, values }) => floatsOf(data, values),
    toFields: (floats: Float32Array, plain) => floatFields(floats, plain),
  },
  Rows: {
    fromFields: ({ rows, data, values }) => ({ rows: Math.max(1, rows), values: floatsOf(data, values) }),
    toFields: ({ rows, values }, plain) => ({ rows: rows === 1 ? 0 : rows, ...floatFields(values, plain) }),
  },
  PcmChunk: {
    fromFields: ({ float32, int16, values, rate }) => {
      const samples =
        int16 === undefined ? floatsOf(float32 ?? nothing, values) : atMostOne(floatsFromInt16(int16), values);
      return rate === 0 ? samples : { rate, samples };
    },
    toFields: (chunk: PcmChunk, plain) => {
      const [samples, rate] = 'samples' in chunk ? [chunk.samples, { rate: chunk.rate }] : [chunk, {}];
      if (samples instanceof Int16Array) return { int16: bytesFromInt16(samples), ...rate };
      return plain ? { values: Array.from(samples), ...rate } : { float32: bytesFromFloats(samples), ...rate };
    },
  },
  Ink: { fromFields: ({ points }) => points, toFields: points => ({ points }) },
  Entry: {
    fromFields: ({ losses, ...entry }) => (losses.length > 0 ? { ...entry, losses } : entry),
    toFields: entry => entry,
  },
  Target: {
    fromFields: ({ classIndex, vector }) => classIndex ?? vector ?? null,
    toFields: target =>
      target === null ? {} : typeof target === 'number' ? { classIndex: target } : { vector: target },
  },
  Frames: {
    fromFields: ({ tokens, features, text, pcm, points, ...rest }) => ({
      ...rest,
      payload: tokens
        ? { kind: 'tokens', ...tokens }
        : features
          ? { kind: 'features', ...features }
          : text
            ? { kind: 'text', ...text }
            : pcm
              ? { kind: 'pcm', ...pcm }
              : points && { kind: 'points', ...points },
    }),
    toFields: ({ payload, ...rest }) => ({ ...rest, [payload.kind]: payload }),
  },
  ModelConfig: {
    fromFields: ({ labels, ...rest }) => (labels.length === 0 ? rest : { ...rest, labels }),
    toFields: config => config,
  },
  Encoder: {
    fromFields: ({ kind, settings }) => ({ ...encoderSettings(settings), kind }),
    toFields: ({ kind, ...settings }) => ({
      kind,
      settings: Object.keys(settings).length === 0 ? '' : JSON.stringify(settings),
    }),
  },
  Learning: {
    fromFields: ({ freeze, ...rest }) => ({
      ...boundsFrom(rest, ['maxGradientNorm', 'maxGradientElement']),
      ...(freeze.length === 0 ? {} : { freeze }),
    }),
    toFields: learning => boundsTo(learning, ['maxGradientNorm', 'maxGradientElement']),
  },
  Guard: {
    fromFields: guard => boundsFrom(guard, ['longest', 'largest']),
    toFields: guard => boundsTo(guard, ['longest', 'largest']),
  },
  Loss: {
    fromFields: ({ classWeights, ...rest }) => (classWeights.length === 0 ? rest : { ...rest, classWeights }),
    toFields: loss => loss,
  },
  Targets: {
    fromFields: ({ weights, ...rest }) => (weights.length === 0 ? rest : { ...rest, weights }),
    toFields: targets => targets,
  },
  StepAnswer: {
    fromFields: ({ topIndices, limited, ...rest }) => ({
      ...rest,
      ...(topIndices.length === 0 ? {} : { topIndices }),
      ...(limited ? { limited } : {}),
    }),
    toFields: answer => answer,
  },
  Updated: {
    fromFields: ({ shortened, readout, ...rest }) => ({
      ...rest,
      ...(shortened ? { shortened } : {}),
      ...(readout ? { readout } : {}),
    }),
    toFields: updated => updated,
  },
};

/** JSON has no infinity: no bound is 0 on the wire. */
function boundsFrom(fields: Loose, names: readonly string[]): Loose {
  const given = names.filter(name => fields[name] !== undefined);
  return { ...fields, ...Object.fromEntries(given.map(name => [name, fields[name] || Number.POSITIVE_INFINITY])) };
}

function boundsTo(settings: Loose, names: readonly string[]): Loose {
  const none = names.filter(name => settings[name] === Number.POSITIVE_INFINITY);
  return { ...settings, ...Object.fromEntries(none.map(name => [name, 0])) };
}

const nothing = new Uint8Array(0);

function floatsOf(data: Uint8Array, values: readonly number[]): Float32Array {
  return values.length === 0 ? floatsFromBytes(data) : atMostOne(Float32Array.from(values), data);
}

function atMostOne(numbers: Float32Array, other: { readonly length: number }): Float32Array {
  if (other.length !== 0) {
    throw new WireError('Expected numbers as bytes or one by one, got both', 'invalid');
  }
  return numbers;
}

function encoderSettings(text: string): object {
  if (text === '') {
    return {};
  }
  scanJson(text, defaultLimits);
  try {
    const settings: unknown = JSON.parse(text);
    if (typeof settings === 'object' && settings !== null && !Array.isArray(settings)) {
      return settings;
    }
  } catch {
    // Told below.
  }
  throw new WireError(`Expected encoder.settings to be the text of a JSON object, got ${text.slice(0, 40)}`, 'invalid');
}

function floatFields(floats: Float32Array, plain: boolean): Loose {
  return plain ? { values: Array.from(floats) } : { data: bytesFromFloats(floats) };
}
