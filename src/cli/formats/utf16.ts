/** Chunks of UTF-16 that begins with its mark, as Windows writes them, as UTF-8; all else as it is. */
export function createUtf16(): { read(chunk: Uint8Array): Uint8Array; end(): Uint8Array } {
  const encoder = new TextEncoder();
  let beginning: Uint8Array | undefined = new Uint8Array(0);
  let decoder: TextDecoder | undefined;
  const read = (chunk: Uint8Array): Uint8Array => {
    if (beginning === undefined) return decoder ? encoder.encode(decoder.decode(chunk, { stream: true })) : chunk;
    beginning = Buffer.concat([beginning, chunk]);
    const whole = beginning;
    if (
      marks.some(({ fits }) => whole.length < fits.length && fits.every((one, i) => i >= whole.length || one(whole[i])))
    )
      return new Uint8Array(0);
    const found = marks.find(({ fits }) => fits.every((one, i) => one(whole[i])));
    decoder = found && new TextDecoder(found.name);
    beginning = undefined;
    return read(whole);
  };
  return {
    read,
    end() {
      const left = decoder ? encoder.encode(decoder.decode()) : (beginning ?? new Uint8Array(0));
      beginning = undefined;
      return left;
    },
  };
}

const is = (wanted: number) => (byte: number) => byte === wanted;
const isNot = (unwanted: number) => (byte: number) => byte !== unwanted;

/** The mark, and a character of Latin after it: bytes of anything else may begin with the mark alone. */
const marks = [
  { name: 'utf-16le', fits: [is(0xff), is(0xfe), isNot(0), is(0)] },
  { name: 'utf-16be', fits: [is(0xfe), is(0xff), is(0), isNot(0)] },
] as const;
