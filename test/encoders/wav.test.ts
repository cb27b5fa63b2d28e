import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { createWavReader, readWav, writeWav } from '../../src/encoders/wav.js';
import { InputError } from '../../src/errors.js';
import { cutAt } from '../helpers/chunks.js';
import { sharedPath, sharedTest } from '../helpers/shared.js';

const samples = Int16Array.of(0, 1, -1, 32_767, -32_768, 700);
const pcm = writeWav(8000, samples);

const chunk = (name: string, body: readonly number[]): number[] => [
  ...Buffer.from(name),
  ...new Uint8Array(Uint32Array.of(body.length).buffer),
  ...body,
  ...(body.length % 2 ? [0] : []),
];
const words = (...values: number[]): number[] => [...new Uint8Array(Uint16Array.from(values).buffer)];
const riff = (...chunks: readonly number[][]): Uint8Array => {
  const body = [...Buffer.from('WAVE'), ...chunks.flat()];
  return Uint8Array.from(chunk('RIFF', body));
};
/** Tag, channels, rate (of 16 bits here), bits, and what may follow. */
const fmt = (tag: number, channels: number, rate: number, bits: number, ...more: number[]): number[] =>
  chunk('fmt ', words(tag, channels, rate, 0, 0, 0, (channels * bits) / 8, bits, ...more));
const floats = (...values: number[]): number[] => [...new Uint8Array(Float32Array.from(values).buffer)];

test('a file that was written is read, wherever it is cut', t => {
  t.deepEqual(readWav(pcm), { rate: 8000, samples });
  fc.assert(
    fc.property(fc.array(fc.nat(pcm.length), { maxLength: 9 }), places => {
      const reader = createWavReader();
      const found = cutAt(pcm, places).flatMap(piece => reader.read(piece));
      reader.end();
      t.deepEqual(reader.format, { rate: 8000, channels: 1, samples: 'pcm16' });
      t.deepEqual(
        found.flatMap(sound => [...(sound as { samples: Int16Array }).samples]),
        [...samples],
      );
    }),
  );
});

test('float32 with a format of 18 bytes and a fact chunk, an odd chunk, and what follows the samples', t => {
  const file = riff(
    chunk('LIST', [1, 2, 3]),
    fmt(3, 1, 16_000, 32, 0),
    chunk('fact', [2, 0, 0, 0]),
    chunk('data', floats(0.5, -0.25)),
    chunk('data', floats(9)),
  );
  t.deepEqual(readWav(file), { rate: 16_000, samples: Float32Array.of(0.5, -0.25) });
});

test('the extensible form and two channels: their mean', t => {
  const extensible = [22, 16, 3, 0, 1, 0, 0, 16, 128, 43_520, 14_336, 29_083];
  const file = riff(fmt(0xfffe, 2, 44_100, 16, ...extensible), chunk('data', words(16_384, 0, 65_535, 1)));
  t.deepEqual(readWav(file), { rate: 44_100, samples: Float32Array.of(0.25, 0) });
});

test('a writer that did not know the size is read to the end', t => {
  for (const size of [0, 0xffffffff, 0x7fffffff, 0x7ffff000]) {
    const file = pcm.slice();
    new DataView(file.buffer).setUint32(40, size, true);
    t.deepEqual(readWav(file).samples, samples);
    t.throws(() => readWav(file.subarray(0, -1)), { instanceOf: InputError, message: /a part of one/ });
  }
});

test('a recording of size 0 is empty where a chunk follows, and read to the end where samples do', t => {
  const empty = writeWav(8000, new Int16Array(0));
  const own = chunk('LIST', [...Buffer.from('INFOISFT'), 14, 0, 0, 0, ...Buffer.from('Lavf60.16.100'), 0]);
  const header = fmt(1, 1, 8000, 16);
  const loud = Int16Array.from({ length: 300 }, (_, i) => 0x2020 + 0x0101 * (i % 90));
  const unsized = (file: Uint8Array, riffSize?: number) => {
    const view = new DataView(file.buffer);
    if (riffSize !== undefined) view.setUint32(4, riffSize, true);
    view.setUint32(40, 0, true);
    return file;
  };
  const cases: [string, Uint8Array, Int16Array][] = [
    ['nothing', empty, new Int16Array(0)],
    ['a chunk that RIFF knows of', riff(header, chunk('data', []), own), new Int16Array(0)],
    ['one that was put behind', Uint8Array.from([...empty, ...own]), new Int16Array(0)],
    ['a rare one', riff(header, chunk('data', []), chunk('Xtra', [1, 2, 3])), new Int16Array(0)],
    ['samples', unsized(writeWav(8000, samples)), samples],
    ['samples, after a heading that says it is all', unsized(writeWav(8000, samples), 36), samples],
    ['samples that could be letters', unsized(writeWav(8000, loud)), loud],
    ['the same, as a pipe', unsized(writeWav(8000, loud), 0xffffffff), loud],
    ['samples that could be letters, after a heading that says it is all', unsized(writeWav(8000, loud), 36), loud],
  ];
  for (const [what, file, expected] of cases) {
    t.deepEqual(readWav(file).samples, expected, what);
    const reader = createWavReader();
    const found = Array.from(file).flatMap(byte => reader.read(Uint8Array.of(byte)));
    reader.end();
    t.deepEqual(
      found.flatMap(sound => [...(sound as { samples: Int16Array }).samples]),
      [...expected],
      what,
    );
  }
  t.throws(() => readWav(Uint8Array.from([...empty, 76])), { instanceOf: InputError, message: /a part of one/ });
});

test('what follows the samples is told where it is no chunk of the file, wherever it is cut', t => {
  const list = chunk('LIST', [1, 2, 3]);
  const cases: [string, number[], number][] = [
    ['nothing', [], 0],
    ['chunks', [...list, ...chunk('fmt ', [9])], 0],
    ['a chunk that was cut', list.slice(0, 9), 0],
    ['padding', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0],
    ['another file', [...pcm], pcm.length],
    ['a chunk, and other samples', [...list, ...chunk('data', [1, 2])], 10],
    ['what is no chunk', [255, 1, 2], 3],
    ['what is too short for one', [10], 1],
  ];
  for (const [what, after, count] of cases) {
    const file = Uint8Array.from([...pcm, ...after]);
    fc.assert(
      fc.property(fc.array(fc.nat(file.length), { maxLength: 9 }), places => {
        const reader = createWavReader();
        const found = cutAt(file, places).flatMap(piece => reader.read(piece));
        t.deepEqual(
          found.flatMap(sound => [...(sound as { samples: Int16Array }).samples]),
          [...samples],
        );
        t.is(reader.end(), count, what);
      }),
    );
  }
});

test('what is no such file is refused, with the way out', t => {
  const refused = (file: Uint8Array, message: RegExp) =>
    t.throws(() => readWav(file), { instanceOf: InputError, message });
  refused(new TextEncoder().encode('not a sound at all'), /begin with RIFF and WAVE, got "not "/);
  const film = pcm.slice();
  film.set(new TextEncoder().encode('AVI '), 8);
  refused(film, /begin with RIFF and WAVE, got "RIFF" and "AVI "/);
  refused(pcm.subarray(0, 20), /ends before them/);
  refused(pcm.subarray(0, -2), /Expected 2 more bytes of samples in a WAV file, got 0: it was cut short/);
  refused(riff(fmt(1, 1, 8000, 16), chunk('data', [1, 2, 3])), /end with a whole one, got a part of one/);
  refused(riff(chunk('data', [])), /fmt before data/);
  refused(riff(fmt(1, 1, 8000, 24)), /got format 1 of 24 bits: convert it, as with ffmpeg/);
  refused(riff(fmt(1, 0, 8000, 16)), /to have a channel/);
  refused(riff(chunk('fmt ', [1])), /at least 16 bytes, got 1/);
  refused(riff(chunk('fmt ', new Array(5000).fill(0))), /at most 4096 bytes/);
  t.is(readWav(riff(fmt(1, 1, 8000, 16), chunk('data', []))).samples.length, 0);
});

sharedTest('published files are read', ['audio/vad/dev00.wav', 'audio/fsdd/0_george_10.wav'], t => {
  const meeting = readWav(readFileSync(sharedPath('audio/vad/dev00.wav')));
  t.is(meeting.rate, 16_000);
  t.is(meeting.samples.length, 480_001);
  t.true(meeting.samples instanceof Float32Array && meeting.samples.every(sample => Math.abs(sample) <= 1));
  const digit = readWav(readFileSync(sharedPath('audio/fsdd/0_george_10.wav')));
  t.is(digit.rate, 8000);
  t.is(digit.samples.length, (11_960 - 44) / 2);
});
