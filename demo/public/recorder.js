// In the thread of the sound: hands samples of the microphone over, some 40 ms at a time.
const size = 2048;

registerProcessor(
  'recorder',
  class extends AudioWorkletProcessor {
    samples = new Float32Array(size);
    length = 0;

    process([[channel]]) {
      if (channel === undefined) return true;
      // A block is 128 samples: it never needs more than what is left.
      this.samples.set(channel, this.length);
      this.length += channel.length;
      if (this.length === size) {
        this.port.postMessage(this.samples, [this.samples.buffer]);
        this.samples = new Float32Array(size);
        this.length = 0;
      }
      return true;
    }
  },
);
