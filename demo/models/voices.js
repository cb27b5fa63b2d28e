// Speaks the digits with the voices of eSpeak NG, Flite and Festival: further speakers for spoken-digits.train.js.
//
//   apt-get install espeak-ng flite festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts \
//     festvox-italp16k festvox-itapc16k festvox-suopuhe-lj festvox-suopuhe-mv \
//     festvox-czech-dita festvox-czech-krb festvox-czech-machac festvox-czech-ph
//   node demo/models/voices.js <folder>
//
// Writes {digit}_{voice}_{number}.wav, 16 bits at 8 kHz, without the silence around the word.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist', 'src');
const { createRandom, readWav, writeWav } = await import(join(dist, 'index.js'));
const { createResampler } = await import(join(dist, 'encoders', 'resample.js'));

const folder = process.argv[2];
if (!folder) throw new Error('Expected a folder to write to: node demo/models/voices.js <folder>');
mkdirSync(folder, { recursive: true });
const words = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
const random = createRandom(1);
const between = (low, high) => low + (high - low) * random.uniform();
const draw = list => list[random.integer(list.length)];
const scratch = mkdtempSync(join(tmpdir(), 'voices-'));

/** The word alone: from the first to the last 10 ms that are within 35 dB of the loudest. */
function trimmed(samples) {
  const size = 80;
  const powers = Array.from({ length: Math.floor(samples.length / size) }, (_, i) =>
    samples.slice(i * size, (i + 1) * size).reduce((sum, x) => sum + x * x, 0),
  );
  const least = Math.max(...powers) * 10 ** -3.5;
  const first = Math.max(0, powers.findIndex(power => power > least) - 1);
  const last = powers.length - [...powers].reverse().findIndex(power => power > least) + 1;
  return samples.slice(first * size, last * size);
}

function write(digit, voice, number, wav) {
  const { rate, samples } = readWav(wav);
  const resampler = createResampler(rate, 8000);
  const floats = Float64Array.from(samples, x => x / 32768);
  const made = resampler.resample(resampler.initial(), floats);
  const word = trimmed([...made.samples, ...resampler.finish(made.state)]);
  const peak = Math.max(...word.map(Math.abs));
  const pcm = Int16Array.from(word, x => Math.round((x / peak) * 12_000));
  writeFileSync(join(folder, `${digit}_${voice}_${number}.wav`), writeWav(8000, pcm));
}

/** By a voice of eSpeak NG, at some speed and pitch. */
function espeak(word, voice) {
  const [speed, pitch] = [between(110, 210), between(20, 75)].map(value => `${Math.round(value)}`);
  return execFileSync('espeak-ng', ['-v', voice, '-s', speed, '-p', pitch, '--stdout', word]);
}

/** Voices of eSpeak NG that sound like people, and its accents of English. */
const variants = (
  'adam Alex Alicia Andrea Andy anika Annie announcer antonio aunty belinda benjamin boris caleb david Denis ed edward f1 f2 f3 f4 f5 ' +
  'Gene grandma grandpa Henrique iven Jacky john klatt klatt2 klatt4 Lee linda m1 m2 m3 m4 m5 m6 m7 m8 Marco Mario max Michael ' +
  'michel miguel Mike norbert pablo paul pedro quincy rob robert sandro shelby steph steph2 travis victor zac'
).split(' ');
const accents = ['en-us', 'en-gb', 'en-gb-scotland', 'en-gb-x-rp', 'en-gb-x-gbclan', 'en-gb-x-gbcwmd', 'en-029'];
for (const variant of variants) {
  const accent = draw(accents);
  words.forEach((word, digit) => {
    write(digit, `espeak-${variant}`, 0, espeak(word, `${accent}+${variant}`));
  });
}

for (const voice of ['kal16', 'awb', 'rms', 'slt']) {
  for (let number = 0; number < 6; number++) {
    words.forEach((word, digit) => {
      const path = join(scratch, 'word.wav');
      const pitch = between(0.8, 1.25) * (voice === 'slt' ? 170 : 105);
      const settings = { duration_stretch: between(0.75, 1.35).toFixed(2), int_f0_target_mean: Math.round(pitch) };
      const set = Object.entries(settings).flatMap(([name, value]) => ['--setf', `${name}=${value}`]);
      execFileSync('flite', ['-voice', voice, ...set, '-t', word, '-o', path]);
      write(digit, voice, number, readFileSync(path));
    });
  }
}

/** By a voice of Festival, at some speed. */
function festival(word, voice) {
  const [program, path] = [join(scratch, 'word.scm'), join(scratch, 'word.wav')];
  const stretch = between(0.7, 1.35).toFixed(2);
  writeFileSync(
    program,
    `(voice_${voice}) (Parameter.set 'Duration_Stretch ${stretch}) (utt.save.wave (SynthText "${word}") "${path}" 'riff)`,
  );
  execFileSync('festival', ['--batch', program]);
  return readFileSync(path);
}

/** Digits as the voice of another language has to read them to say them in English, with its accent. */
const spelled = {
  de: 'sierou wann tuh srie fohr feif sicks sewen äit nein',
  'fr-fr': 'ziro ouane tou sri fore faïve sixe sévène éïte naïne',
  it: 'zirou uan tu tri for faiv six seven eit nain',
  es: 'sirou uan tu zri for faif six seven eit nain',
  nl: 'ziro wan toe srie foor fajf siks sevven eet najn',
  el: 'ζίρο ουάν του θρι φορ φάιβ σιξ σέβεν έιτ νάιν',
  pl: 'zirou łan tu sri for fajw siks sewen ejt najn',
};
for (const [language, text] of Object.entries(spelled)) {
  for (let number = 0; number < 6; number++) {
    const variant = draw(variants);
    text.split(' ').forEach((word, digit) => {
      write(digit, `espeak-${language}`, number, espeak(word, `${language}+${variant}`));
    });
  }
}

const finnish = 'siirou uan tuu trii foor faiv siks seven eit nain';
const czech = 'zirou uan tu sri for fajv siks sevn ejt najn';
for (const [voice, text, times] of [
  ['kal_diphone', words.join(' '), 4],
  ['ked_diphone', words.join(' '), 4],
  ['cmu_us_slt_arctic_hts', words.join(' '), 4],
  ['lp_diphone', spelled.it, 3],
  ['pc_diphone', spelled.it, 3],
  ['suo_fi_lj_diphone', finnish, 3],
  ['hy_fi_mv_diphone', finnish, 3],
  ['czech_dita', czech, 3],
  ['czech_krb', czech, 3],
  ['czech_machac', czech, 3],
  ['czech_ph', czech, 3],
]) {
  for (let number = 0; number < times; number++)
    text.split(' ').forEach((word, digit) => {
      write(digit, voice.replaceAll('_', '-'), number, festival(word, voice));
    });
}
rmSync(scratch, { recursive: true });
