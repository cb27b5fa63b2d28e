// WebSocket messages of `Frames` as bytes, made by hand so that the load generator is faster than any server: the numbers are
// masked once, only the head of a message changes.

/** Any mask but zero, which `ws` would not undo. */
const mask = [0x37, 0xfa, 0x21, 0x3d];

const width = 40;

/** Rows of 40 numbers in -1..1, by formula. */
function rowsOf(count, seed) {
  return Float32Array.from({ length: count * width }, (_, i) => ((i * 131 + seed * 17) % 201) / 100 - 1);
}

/**
 * Makes the messages of one connection: `rows` rows each.
 *
 * @param rows frames of a message
 */
export function frameWriter(rows) {
  const numbers = Buffer.from(rowsOf(rows, rows).buffer);
  const data = Buffer.concat([bytes(0x12), varint(numbers.length), numbers]);
  const features = Buffer.concat([rows > 1 ? Buffer.concat([bytes(0x08), varint(rows)]) : bytes(), data]);
  const payload = Buffer.concat([bytes(0x22), varint(features.length), features]);
  // The same bytes at each of the four places that a mask may be at.
  const masked = [0, 1, 2, 3].map(at => payload.map((byte, i) => byte ^ mask[(at + i) % 4]));
  const head = Buffer.alloc(32);

  return {
    /** The most bytes that a message takes. */
    most: payload.length + 48,
    /** Writes a message into `target`; returns where it ends. `ack` 0 is none. */
    put(target, at, seq, ack) {
      let end = 0;
      head[end++] = 0x08;
      end = putVarint(head, end, seq);
      if (ack > 0) {
        head[end++] = 0x10;
        end = putVarint(head, end, ack);
      }
      const inner = end + payload.length;
      // session 1, and the length of Frames.
      const lengthBytes = inner < 128 ? 1 : inner < 16384 ? 2 : 3;
      const length = 2 + 1 + lengthBytes + inner;
      let place = at;
      target[place++] = 0x82;
      if (length < 126) target[place++] = 0x80 | length;
      else {
        target[place++] = 0x80 | 126;
        target[place++] = length >> 8;
        target[place++] = length & 255;
      }
      for (let i = 0; i < 4; i++) target[place++] = mask[i];
      const start = place;
      target[place++] = 0x08;
      target[place++] = 0x01;
      target[place++] = 0x1a;
      place = putVarint(target, place, inner);
      for (let i = 0; i < end; i++) target[place++] = head[i];
      for (let i = start; i < place; i++) target[i] ^= mask[(i - start) & 3];
      target.set(masked[(place - start) & 3], place);
      return place + payload.length;
    },
  };
}

/** A whole small message, such as `open`. */
export function wrap(message) {
  const head =
    message.length < 126
      ? [0x82, 0x80 | message.length]
      : [0x82, 0x80 | 126, message.length >> 8, message.length & 255];
  return Buffer.concat([Buffer.from([...head, ...mask]), Buffer.from(message.map((byte, i) => byte ^ mask[i & 3]))]);
}

function bytes(...values) {
  return Buffer.from(values);
}

function varint(value) {
  const target = Buffer.alloc(10);
  return target.subarray(0, putVarint(target, 0, value));
}

function putVarint(target, at, value) {
  let place = at;
  let rest = value;
  while (rest > 127) {
    target[place++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  target[place++] = rest;
  return place;
}

/** Reads a varint at `cursor.at`. */
export function takeVarint(source, cursor) {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = source[cursor.at++];
    value += (byte & 127) * scale;
    if (byte < 128) return value;
  }
}
