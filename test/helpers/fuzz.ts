/** Random bytes and damaged messages against decoding and validation: nothing but a `WireError` comes out. Seeded. */
import { WireError } from '../../src/errors.js';
import { createRandom } from '../../src/random.js';
import { decodeClient, decodeServer, defaultLimits, encodeClient } from '../../src/wire/messages.js';

export interface Fuzzed {
  readonly decoded: number;
  readonly refused: number;
}

/**
 * @param seeds messages to damage
 * @param runs how many
 * @throws what is no WireError, with the bytes that did it
 */
export function fuzz(seeds: readonly Uint8Array[], runs: number, seed: number): Fuzzed {
  const random = createRandom(seed);
  const below = (most: number): number => Math.floor(random.uniform() * most);
  const limits = { ...defaultLimits, maxBytes: 1 << 16 };
  let [decoded, refused] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const bytes = damage(seeds[below(seeds.length)], below);
    for (const binary of [true, false]) {
      const subprotocol = binary ? 'eddy.v1.proto' : 'eddy.v1.json';
      for (const decode of [decodeClient, decodeServer]) {
        try {
          const message = decode(bytes, binary, subprotocol, limits);
          decoded++;
          // What was understood can be said again, and is understood as the same.
          if (decode === decodeClient && binary) {
            const again = decodeClient(encodeClient(message as never, subprotocol), true, subprotocol, limits);
            if (again.type !== message.type || again.session !== message.session) throw new Error('said otherwise');
          }
        } catch (error) {
          if (!(error instanceof WireError)) {
            throw new Error(`run ${run} of seed ${seed}, ${Buffer.from(bytes).toString('hex')}: ${String(error)}`, {
              cause: error,
            });
          }
          refused++;
        }
      }
    }
  }
  return { decoded, refused };
}

/** Changes, cuts, repeats or splices a few bytes; now and then all of them. */
function damage(message: Uint8Array, below: (most: number) => number): Uint8Array {
  if (below(20) === 0) return Uint8Array.from({ length: below(200) }, () => below(256));
  let bytes = Array.from(message);
  for (let edits = 1 + below(4); edits > 0; edits--) {
    const at = below(bytes.length + 1);
    const length = 1 + below(8);
    switch (below(6)) {
      case 0:
        bytes[Math.min(at, bytes.length - 1)] = below(256);
        break;
      case 1:
        bytes[Math.min(at, bytes.length - 1)] ^= 1 << below(8);
        break;
      case 2:
        bytes.splice(at, length);
        break;
      case 3:
        bytes.splice(at, 0, ...Array.from({ length }, () => (below(2) ? 255 : below(256))));
        break;
      case 4:
        bytes.splice(at, 0, ...bytes.slice(at, at + length));
        break;
      case 5:
        bytes = bytes.slice(0, at);
        break;
    }
  }
  return Uint8Array.from(bytes);
}
