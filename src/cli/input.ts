import { fstatSync } from 'node:fs';
import type { AudioConfig } from '../encoders/audio.js';
import type { Encoder } from '../encoders/encoder.js';
import { createEncoder } from '../encoders/encoders.js';
import type { StrokesConfig } from '../encoders/strokes.js';
import { ConfigError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { type FormatName, hasNumber, type Malformed, type Row } from './formats/format.js';
import { createFormat, type Format, type Frame } from './formats/formats.js';
import { createInkFormat } from './formats/ink.js';
import { soundFormats } from './formats/sound.js';
import type { Source } from './source.js';

export interface InputOptions {
  readonly format?: FormatName;
  readonly features?: number;
  readonly delimiter?: string;
  /** Samples a second of bare samples. */
  readonly sampleRate?: number;
  /** As of `FormatOptions`. */
  readonly asked?: readonly string[];
}

/**
 * How the input is read: as asked; else text for a network of tokens, WAV for one that hears, and what it looks like for others; rows of
 * points for one of ink.
 *
 * @param config of the network, where it is known
 * @param live somebody types: nothing is held back to look at it
 * @throws ConfigError
 */
export function openFormat(options: InputOptions, config: ModelConfig | undefined, live: boolean): Format {
  const { delimiter, asked: names } = options;
  const asked = options.format ?? (delimiter === undefined ? undefined : 'csv');
  const tokens = config?.input.kind === 'token';
  const hears = config?.encoder?.kind === 'audio';
  const isSound = asked === undefined ? hears : soundFormats.some(name => name === asked);
  if (asked === 'wav' || asked === 'pcm16' || options.sampleRate !== undefined) {
    if (!hears) throw new ConfigError('Expected a checkpoint with the encoder audio to read sound, got none');
  }
  if (hears && isSound) {
    const encoder = config.encoder as unknown as AudioConfig;
    const sound = { encoder, ...(options.sampleRate === undefined ? {} : { rate: options.sampleRate }) };
    return createFormat(asked ?? 'wav', { sound, encode: encodeText(undefined) });
  }
  if (config?.encoder?.kind === 'strokes' && asked !== 'f32') {
    const points = createFormat(asked, { delimiter, encode: encodeText(undefined) });
    return createInkFormat(points, config.encoder as unknown as StrokesConfig);
  }
  const name = asked ?? (tokens || (live && config === undefined) ? 'text' : undefined);
  const features = options.features ?? (config?.input.kind === 'features' ? config.input.size : undefined);
  if (name === 'f32' && features === undefined) {
    throw new ConfigError('Expected --features with --format f32: the numbers in a row');
  }
  return createFormat(name, {
    features,
    delimiter,
    asked: names,
    rows: config?.input.kind === 'features',
    encode: encodeText(tokens ? config : undefined),
  });
}

/** @throws ConfigError if it is a folder, which Node reads as an input without anything in it */
export function checkStandardInput(): void {
  let isFolder = false;
  try {
    isFolder = fstatSync(0).isDirectory();
  } catch {
    // One that is closed is empty.
  }
  if (isFolder) throw new ConfigError('Expected standard input to be a file, a pipe or a terminal, got a folder');
}

/** Text as the network takes it: by its encoder, or as bytes. */
function encodeText(config: ModelConfig | undefined) {
  const size = config?.input.size ?? 256;
  if (config?.encoder === undefined || config.encoder.kind === 'bytes') {
    if (config && size < 256 && config.encoder) throw new ConfigError(`Expected a network of 256 tokens, got ${size}`);
    return { read: (chunk: Uint8Array): readonly number[] => Array.from(chunk), end: () => [] };
  }
  const encoder = createEncoder(config.encoder) as Encoder<string, unknown, number>;
  if (encoder.input.kind !== 'token') throw new ConfigError(`Expected an encoder of text, got ${config.encoder.kind}`);
  const decoder = new TextDecoder();
  let state = encoder.initial();
  const take = (text: string): readonly number[] => {
    const encoded = encoder.encode(state, text);
    state = encoded.state;
    return encoded.inputs;
  };
  return {
    read: (chunk: Uint8Array) => take(decoder.decode(chunk, { stream: true })),
    end: () => [...take(decoder.decode()), ...encoder.finish(state)],
  };
}

export function isMalformed(frame: unknown): frame is Malformed {
  return typeof frame === 'object' && frame !== null && 'malformed' in frame;
}

/** A token, or a row with a number: some files have lines of words between the names and the numbers. */
function isUsable(frame: Frame): boolean {
  if (typeof frame === 'number') return true;
  return !isMalformed(frame) && hasNumber(frame.cells);
}

/** The first frame that can be read, and a source that begins with it. */
export async function peek(
  source: Source<Frame>,
  malformed: (line: Malformed) => void,
): Promise<{ first: number | Row | undefined; rest: Source<Frame> }> {
  for (;;) {
    const frames = await source.take();
    if (frames === null) return { first: undefined, rest: source };
    const good = frames.findIndex(isUsable);
    for (const frame of frames.slice(0, good < 0 ? undefined : good)) {
      malformed(isMalformed(frame) ? frame : { line: (frame as Row).line, malformed: 'expected numbers, got none' });
    }
    if (good < 0) continue;
    let waiting: readonly Frame[] | undefined = frames.slice(good);
    const rest: Source<Frame> = {
      get dropped() {
        return source.dropped;
      },
      stop: source.stop,
      async take() {
        const held = waiting;
        waiting = undefined;
        return held ?? source.take();
      },
    };
    return { first: frames[good] as number | Row, rest };
  }
}
