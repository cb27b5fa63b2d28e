/** Work in parts: between two of them the thread may do other work. */
export type Parts<Result> = Generator<undefined, Result, undefined>;

/** All parts, one after the other. */
export function complete<Result>(parts: Parts<Result>): Result {
  for (;;) {
    const part = parts.next();
    if (part.done) return part.value;
  }
}

/** The same work, and the milliseconds that its parts took, without what was done between them. */
export function* clocked<Result>(
  parts: Pick<Parts<Result>, 'next'>,
): Parts<{ readonly result: Result; readonly milliseconds: number }> {
  let milliseconds = 0;
  for (;;) {
    const began = performance.now();
    const part = parts.next();
    milliseconds += performance.now() - began;
    if (part.done) return { result: part.value, milliseconds };
    yield;
  }
}

/** Work of one part. */
export function atOnce<Result>(work: () => Result): Pick<Parts<Result>, 'next'> {
  return { next: () => ({ done: true, value: work() }) };
}
