import { ConfigError } from '../errors.js';
import { type AudioConfig, createAudio } from './audio.js';
import { type BytesConfig, createBytes } from './bytes.js';
import { type CharactersConfig, createCharacters } from './characters.js';
import type { Encoder } from './encoder.js';
import { createReadings, type ReadingsConfig } from './readings.js';
import { shown } from './shown.js';
import { createStrokes, type StrokesConfig } from './strokes.js';

/**
 * An encoder as it stands in a checkpoint: its kind and all of its settings. Types, and no interfaces, so that each fits `encoder` of a
 * model's configuration, a record of plain data.
 */
export type EncoderConfig = AudioConfig | BytesConfig | CharactersConfig | ReadingsConfig | StrokesConfig;

/** The encoder that a configuration, such as a checkpoint's `config.encoder`, asks for; by kind where the kind is known. */
export function createEncoder(config: AudioConfig): ReturnType<typeof createAudio>;
export function createEncoder(config: BytesConfig): ReturnType<typeof createBytes>;
export function createEncoder(config: CharactersConfig): ReturnType<typeof createCharacters>;
export function createEncoder(config: ReadingsConfig): ReturnType<typeof createReadings>;
export function createEncoder(config: StrokesConfig): ReturnType<typeof createStrokes>;
export function createEncoder(config: { readonly kind: string }): Encoder;
/** @throws ConfigError if there is no such kind, or a setting is wrong */
export function createEncoder(config: { readonly kind: string }): unknown {
  const known = config as EncoderConfig;
  switch (known?.kind) {
    case 'audio':
      return createAudio(known);
    case 'bytes':
      return createBytes(known);
    case 'characters':
      return createCharacters(known);
    case 'readings':
      return createReadings(known);
    case 'strokes':
      return createStrokes(known);
    default:
      throw new ConfigError(
        `Expected encoder.kind to be 'audio', 'bytes', 'characters', 'readings' or 'strokes', got ${shown(config?.kind)}`,
      );
  }
}

const kinds: readonly string[] = [
  'audio',
  'bytes',
  'characters',
  'readings',
  'strokes',
] satisfies EncoderConfig['kind'][];

/**
 * The encoder that a model's configuration names, whose inputs are those of the model; undefined where there is none, or one of a kind
 * that is not known here: that encodes where the data is. A model may have more tokens than its encoder.
 *
 * @throws ConfigError if a setting is wrong, or the model takes other inputs
 */
export function encoderOf(model: {
  readonly input: Encoder['input'];
  readonly encoder?: { readonly kind: string };
}): Encoder | undefined {
  const { encoder, input } = model;
  if (encoder === undefined || !kinds.includes(encoder.kind)) return undefined;
  const created = createEncoder(encoder);
  const { kind, size } = created.input;
  if (input.kind !== kind || (kind === 'token' ? input.size < size : input.size !== size)) {
    const [units, got] = [kind, input.kind].map(one => (one === 'token' ? 'tokens' : 'features'));
    throw new ConfigError(
      `Expected input of a model with encoder ${encoder.kind} to be its ${size} ${units}, got ${input.size} ${got}: take { kind: '${kind}', size: ${size} }, the encoder's input`,
    );
  }
  return created;
}
