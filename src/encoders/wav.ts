import { expectBytes, InputError, kindOf } from '../errors.js';
import type { Sound } from './audio.js';

/** What a WAV file says of its samples. */
export interface WavFormat {
  /** Samples a second, of each channel. */
  readonly rate: number;
  readonly channels: number;
  readonly samples: 'pcm16' | 'float32';
}

/** Reads a WAV file out of chunks of bytes that are cut anywhere. */
export interface WavReader {
  /** Undefined until it is known. */
  readonly format: WavFormat | undefined;
  /**
   * The samples that these bytes complete; of several channels, their mean.
   *
   * @throws InputError if it is no WAV file of 16-bit or float32 samples
   */
  read(bytes: Uint8Array): Sound[];
  /**
   * Returns how many bytes came after the samples that are no chunk of this file, as those of another one: they are not read.
   *
   * @throws InputError if the file ended before its samples did
   */
  end(): number;
}

const riffHeader = 12;
const chunkHeader = 8;
/** A size from here on is that of a writer that did not know it: a pipe. So may one of 0 be. */
const unknownSize = 0x7fff0000;
/** The longest description of a format that is read. */
const longestFormat = 4096;
/** What stands after samples most often. */
const usualChunks: readonly string[] = [
  ...['LIST', 'id3 ', 'ID3 ', 'bext', 'iXML', 'axml', 'cart', 'DISP', '_PMX', 'afsp', 'umid', 'PEAK'],
  ...['fact', 'cue ', 'plst', 'smpl', 'inst', 'acid', 'JUNK', 'junk', 'PAD ', 'FLLR'],
];
const asMono = 'ffmpeg -i in.wav -c:a pcm_s16le out.wav';

const cutSample = 'Expected the samples of a WAV file to end with a whole one, got a part of one';

/**
 * RIFF, chunk after chunk: `fmt ` of 16, 18 or 40 bytes, then `data`; all others are passed over (as Microsoft and IBM, "Multimedia
 * Programming Interface and Data Specifications 1.0", 1991).
 */
export function createWavReader(): WavReader {
  let format: WavFormat | undefined;
  let rest = new Uint8Array(0);
  let begun = false;
  /** Bytes of a chunk that are passed over. */
  let skipping = 0;
  /** Bytes of samples that are still to come; undefined before and after `data`. */
  let left: number | undefined;
  let found = false;
  /** The size of `data` is 0: it is empty, or its writer did not know the size. What comes next tells. */
  let doubtful = false;
  /** Bytes that came. */
  let all = 0;
  /** Where RIFF says that the file ends. */
  let end = 0;
  /** Bytes after the samples, from the first on that begins no chunk. */
  let beyond = 0;

  /** Takes one header or chunk off `rest`; false where more bytes are needed. */
  const advance = (): boolean => {
    const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
    const name = (at: number): string => String.fromCharCode(...rest.subarray(at, at + 4));
    if (skipping > 0) {
      const some = Math.min(skipping, rest.length);
      rest = rest.subarray(some);
      skipping -= some;
      return some > 0;
    }
    if (!begun) {
      if (rest.length < riffHeader) return false;
      if (name(0) !== 'RIFF' || name(8) !== 'WAVE')
        throw new InputError(
          `Expected a WAV file to begin with RIFF and WAVE, got ${JSON.stringify(name(0))} and ${JSON.stringify(name(8))}`,
        );
      begun = true;
      const size = view.getUint32(4, true);
      if (size < unknownSize) end = chunkHeader + size;
      rest = rest.subarray(riffHeader);
      return true;
    }
    if (rest.length < chunkHeader) return false;
    const id = name(0);
    const size = view.getUint32(4, true);
    if (id === 'data') {
      if (format === undefined) throw new InputError('Expected a WAV file to have fmt before data, got data');
      found = true;
      if (size === 0) doubtful = true;
      else left = size >= unknownSize ? Number.POSITIVE_INFINITY : size;
      rest = rest.subarray(chunkHeader);
      return true;
    }
    if (id === 'fmt ') {
      if (size > longestFormat) throw new InputError(`Expected fmt of at most ${longestFormat} bytes, got ${size}`);
      if (rest.length < chunkHeader + size) return false;
      format = formatOf(rest.subarray(chunkHeader, chunkHeader + size));
    }
    skipping = skippedBy(size);
    return true;
  };

  /** Takes what comes after the samples, which says nothing of them; false where more bytes are needed. */
  const passOver = (): boolean => {
    if (skipping > 0) return advance();
    if (beyond === 0) {
      // Padding.
      const first = rest.findIndex(byte => byte !== 0);
      rest = rest.subarray(first < 0 ? rest.length : first);
    }
    const name = String.fromCharCode(...rest.subarray(0, 4));
    if (beyond === 0 && name !== 'data' && name !== 'RIFF' && /^[ -~]*$/.test(name)) {
      if (rest.length < chunkHeader) return false;
      skipping = skippedBy(new DataView(rest.buffer, rest.byteOffset).getUint32(4, true));
      return true;
    }
    beyond += rest.length;
    rest = rest.subarray(rest.length);
    return false;
  };

  const takeSamples = (): Sound | undefined => {
    const { channels, samples, rate } = format!;
    const each = channels * (samples === 'pcm16' ? 2 : 4);
    const most = Math.min(rest.length, left!);
    const count = Math.floor(most / each);
    if (count === 0) return undefined;
    const view = new DataView(rest.buffer, rest.byteOffset, count * each);
    rest = rest.subarray(count * each);
    left! -= count * each;
    return { rate, samples: mono(view, samples, channels) };
  };

  return {
    get format() {
      return format;
    },
    read(bytes) {
      const joined = new Uint8Array(rest.length + bytes.length);
      joined.set(rest);
      joined.set(bytes, rest.length);
      rest = joined;
      all += bytes.length;
      const sounds: Sound[] = [];
      for (;;) {
        if (doubtful) {
          const chunk = beginsChunk(rest, end - (all - rest.length));
          if (chunk === undefined) return sounds;
          doubtful = false;
          if (!chunk) left = Number.POSITIVE_INFINITY;
        } else if (left !== undefined) {
          const sound = takeSamples();
          if (sound) sounds.push(sound);
          if (left > 0) return sounds;
          left = undefined;
        } else if (found) {
          if (!passOver()) return sounds;
        } else if (!advance()) return sounds;
      }
    },
    end() {
      if (!found) throw new InputError('Expected a WAV file with samples, got one that ends before them');
      if (doubtful && rest.length > 0) throw new InputError(cutSample);
      if (left !== undefined && (left !== Number.POSITIVE_INFINITY || rest.length > 0))
        throw new InputError(
          left === Number.POSITIVE_INFINITY || rest.length >= left
            ? cutSample
            : `Expected ${left} more bytes of samples in a WAV file, got ${rest.length}: it was cut short`,
        );
      return beyond + rest.length;
    },
  };
}

/**
 * The sound of a whole WAV file; what follows its samples is not read.
 *
 * @throws InputError as the reader
 */
export function readWav(bytes: Uint8Array): { readonly rate: number; readonly samples: Float32Array | Int16Array } {
  expectBytes(bytes, 'a WAV file');
  const reader = createWavReader();
  const [sound] = reader.read(bytes);
  reader.end();
  const { rate } = reader.format!;
  return sound === undefined ? { rate, samples: new Int16Array(0) } : (sound as { rate: number; samples: Int16Array });
}

/**
 * A WAV file of one channel of 16-bit samples.
 *
 * @throws InputError if they are none
 */
export function writeWav(rate: number, samples: Int16Array): Uint8Array<ArrayBuffer> {
  if (!(samples instanceof Int16Array))
    throw new InputError(`Expected samples to be an Int16Array, got ${kindOf(samples)}`);
  const bytes = new Uint8Array(44 + 2 * samples.length);
  const view = new DataView(bytes.buffer);
  const put = (at: number, text: string) =>
    bytes.set(
      Array.from(text, letter => letter.charCodeAt(0)),
      at,
    );
  put(0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  put(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  put(36, 'data');
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, i) => {
    view.setInt16(44 + 2 * i, sample, true);
  });
  return bytes;
}

/** Bytes of a chunk of that size: chunks begin at even places. */
function skippedBy(size: number): number {
  return chunkHeader + size + (size % 2);
}

/**
 * Whether these bytes begin a chunk, or are samples; undefined where more of them are needed.
 *
 * @param room bytes that are still to come, as RIFF says
 */
function beginsChunk(bytes: Uint8Array, room: number): boolean | undefined {
  const name = String.fromCharCode(...bytes.subarray(0, 4));
  const mayBe = room >= chunkHeader && /^[ -~]*$/.test(name);
  if (name.length < 4) return mayBe || usualChunks.some(usual => usual.startsWith(name)) ? undefined : false;
  if (usualChunks.includes(name)) return true;
  if (!mayBe) return false;
  if (bytes.length < chunkHeader) return undefined;
  return chunkHeader + new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true) <= room;
}

/** @throws InputError */
function formatOf(fmt: Uint8Array): WavFormat {
  if (fmt.length < 16) throw new InputError(`Expected fmt of at least 16 bytes, got ${fmt.length}`);
  const view = new DataView(fmt.buffer, fmt.byteOffset, fmt.byteLength);
  const given = view.getUint16(0, true);
  // The extensible form has the tag as the beginning of a longer one.
  const tag = given === 0xfffe && fmt.length >= 40 ? view.getUint16(24, true) : given;
  const channels = view.getUint16(2, true);
  const rate = view.getUint32(4, true);
  const bits = view.getUint16(14, true);
  const samples = tag === 1 && bits === 16 ? 'pcm16' : tag === 3 && bits === 32 ? 'float32' : undefined;
  if (samples === undefined)
    throw new InputError(
      `Expected a WAV file of 16-bit PCM or 32-bit float samples, got format ${tag} of ${bits} bits: convert it, as with ${asMono}`,
    );
  if (channels === 0) throw new InputError('Expected a WAV file to have a channel, got none');
  return { rate, channels, samples };
}

function mono(view: DataView, samples: WavFormat['samples'], channels: number): Float32Array | Int16Array {
  const whole = samples === 'pcm16';
  const width = whole ? 2 : 4;
  const read = (i: number): number => (whole ? view.getInt16(2 * i, true) : view.getFloat32(4 * i, true));
  const count = view.byteLength / (width * channels);
  if (channels === 1 && whole) return Int16Array.from({ length: count }, (_, i) => read(i));
  const unit = whole ? 32768 * channels : channels;
  return Float32Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += read(i * channels + channel);
    return sum / unit;
  });
}
