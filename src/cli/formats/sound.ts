import { type AudioConfig, createAudio, type Sound } from '../../encoders/audio.js';
import { createWavReader } from '../../encoders/wav.js';
import { counted, countedLong } from '../numbers.js';
import { type Malformed, numbered, type Row, type RowFormat } from './format.js';

export const soundFormats = ['wav', 'pcm16', 'f32'] as const;
export type SoundFormat = (typeof soundFormats)[number];

/**
 * Sound as frames of features, by the encoder of the network: a row each.
 *
 * @param rate of bare samples, in hertz; default that of the encoder
 */
export function createSoundFormat(name: SoundFormat, config: AudioConfig, rate = config.rate): RowFormat {
  const encoder = createAudio(config);
  const columns = numbered(encoder.input.size);
  const bytes = name === 'wav' ? createFile() : createSamples(name === 'pcm16' ? 2 : 4, rate);
  let state = encoder.initial();
  let line = 0;
  const rowsOf = (inputs: readonly Float32Array[]): Row[] =>
    inputs.map(input => ({ line: ++line, cells: Array.from(input) }));
  return {
    columns,
    read: chunk =>
      bytes.read(chunk).flatMap(sound => {
        const encoded = encoder.encode(state, sound);
        state = encoded.state;
        return rowsOf(encoded.inputs);
      }),
    end(): (Row | Malformed)[] {
      const rest = bytes.end();
      return [...rowsOf(encoder.finish(state)), ...(rest ? [{ line: line + 1, malformed: rest }] : [])];
    },
  };
}

/** One WAV file. */
function createFile() {
  const { read, end } = createWavReader();
  return {
    read,
    end(): string | undefined {
      const beyond = end();
      if (beyond === 0) return undefined;
      return `expected a WAV file alone, got ${countedLong(beyond, 'byte')} after its samples that are no chunk of it: give each file a run of its own`;
    },
  };
}

/** Little-endian samples with nothing between them. */
function createSamples(width: 2 | 4, rate: number) {
  let rest = new Uint8Array(0);
  return {
    read(chunk: Uint8Array): Sound[] {
      const bytes = Buffer.concat([rest, chunk]);
      const count = Math.floor(bytes.length / width);
      rest = new Uint8Array(bytes.subarray(count * width));
      const samples =
        width === 2
          ? Int16Array.from({ length: count }, (_, i) => bytes.readInt16LE(2 * i))
          : Float32Array.from({ length: count }, (_, i) => bytes.readFloatLE(4 * i));
      return [{ rate, samples }];
    },
    end: (): string | undefined =>
      rest.length === 0 ? undefined : `expected ${counted(width, 'byte')} in a sample, got ${rest.length}`,
  };
}
