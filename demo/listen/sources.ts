import { type Encoder, readWav } from 'eddy';
import type { RemoteSound } from 'eddy/client';
import { fromEvent, fromEventPattern, Observable, takeUntil } from 'rxjs';

/** Sound that is there, or comes. */
export interface Source {
  readonly name: string;
  /** As it comes: a file at the pace of its sound, and then it ends; a microphone ends where it is taken away. */
  readonly sound: Observable<RemoteSound>;
  /** Seconds; undefined where it has no end. */
  readonly seconds?: number;
  /** What it holds is given back. */
  close(): void;
}

/** Milliseconds between two pieces of a file. */
const pace = 40;
/** Seconds of silence after a file: the last word is heard out. */
const after = 0.5;

/**
 * A WAV file, heard aloud where there is something to hear it with. Whoever subscribes hears it from its beginning.
 *
 * @param encoder that is to take its sound
 * @throws InputError in words, where it is no such file, or of a rate that the encoder refuses
 */
export function openFile<State>(
  name: string,
  bytes: Uint8Array,
  encoder: Encoder<RemoteSound, State, Float32Array>,
): Source {
  const { rate, samples: found } = readWav(bytes);
  encoder.encode(encoder.initial(), { rate, samples: new Float32Array(0) });
  const samples = new Float32Array(found.length + Math.round(after * rate));
  samples.set(found instanceof Int16Array ? Float32Array.from(found, sample => sample / 32768) : found);
  const sound = new Observable<RemoteSound>(subscriber => {
    const silence = playAloud(samples, rate);
    const begun = performance.now();
    let at = 0;
    const timer = setInterval(() => {
      const end = Math.min(samples.length, Math.ceil(((performance.now() - begun) / 1000) * rate));
      if (end > at) subscriber.next({ rate, samples: samples.slice(at, end) });
      at = end;
      if (at === samples.length) subscriber.complete();
    }, pace);
    return () => {
      clearInterval(timer);
      silence();
    };
  });
  return { name, sound, seconds: samples.length / rate, close: () => {} };
}

/** @returns what stops it */
function playAloud(samples: Float32Array<ArrayBuffer>, rate: number): () => void {
  try {
    const context = new AudioContext();
    const buffer = context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(samples, 0);
    const player = context.createBufferSource();
    player.buffer = buffer;
    player.connect(context.destination);
    player.start();
    return () => void context.close();
  } catch {
    // A machine without loudspeakers, or a rate that it cannot play: it is shown all the same.
    return () => {};
  }
}

/** Why there is no microphone, in words, and what to do instead. */
export class MicrophoneError extends Error {}

const instead = 'Open a WAV file instead, or hear the example.';

const reasons: Readonly<Record<string, string>> = {
  NotAllowedError: `The microphone was not allowed. Allow it beside the address of this page. ${instead}`,
  NotFoundError: `No microphone was found. ${instead}`,
  NotReadableError: `Another program holds the microphone. Close it and try again. ${instead}`,
};

/** Asks for the microphone. @throws MicrophoneError */
export async function openMicrophone(): Promise<Source> {
  if (navigator.mediaDevices === undefined)
    throw new MicrophoneError(`A microphone is only given to pages of this machine or over https. ${instead}`);
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true },
    });
  } catch (error) {
    const { name, message } = error as DOMException;
    throw new MicrophoneError(reasons[name] ?? `The microphone did not open: ${message}. ${instead}`);
  }
  const context = new AudioContext();
  const close = (): void => {
    for (const track of stream.getTracks()) track.stop();
    void context.close();
  };
  try {
    await context.audioWorklet.addModule('./recorder.js');
  } catch (error) {
    close();
    throw new MicrophoneError(`The microphone did not open: ${(error as Error).message}. ${instead}`);
  }
  const recorder = new AudioWorkletNode(context, 'recorder');
  context.createMediaStreamSource(stream).connect(recorder);
  const sound = fromEventPattern<RemoteSound>(
    hand => {
      recorder.port.onmessage = ({ data }: MessageEvent<Float32Array>) =>
        hand({ rate: context.sampleRate, samples: data });
    },
    () => {
      recorder.port.onmessage = null;
    },
  ).pipe(takeUntil(fromEvent(stream.getAudioTracks()[0], 'ended')));
  return { name: 'the microphone', sound, close };
}
