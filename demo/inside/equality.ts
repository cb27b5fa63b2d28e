/** Counts the states that are the same here and on the server, all bits of all numbers. */
export interface Equality {
  here(number: number, carry: Float32Array): void;
  /** @returns how many of how many were the same so far, this one included */
  there(number: number, carry: Float32Array): { readonly same: number; readonly all: number };
}

export function createEquality(): Equality {
  const waiting = new Map<number, Float32Array>();
  let same = 0;
  let all = 0;
  return {
    here: (number, carry) => waiting.set(number, carry),
    there(number, carry) {
      const own = waiting.get(number);
      waiting.delete(number);
      all++;
      if (own && sameBits(own, carry)) same++;
      return { same, all };
    },
  };
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  if (a.length !== b.length) return false;
  const [left, right] = [a, b].map(one => new Uint32Array(one.buffer, one.byteOffset, one.length));
  return left.every((word, i) => word === right[i]);
}
