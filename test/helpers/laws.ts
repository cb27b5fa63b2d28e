import test from 'ava';
import fc from 'fast-check';

/** What breaks the law, in words; undefined where it holds. */
export type Verdict = string | undefined;

export interface Law<Subject, Value> {
  readonly values: fc.Arbitrary<Value>;
  /** Whether the law holds for a subject at one value. */
  holds(subject: Subject, value: Value): Promise<Verdict> | Verdict;
  /** The real thing. */
  readonly right: Subject;
  /** Things that break the law, each of which the property must see. */
  readonly broken: Readonly<Record<string, Subject>>;
  readonly runs?: number;
  /** For laws with a tolerance, which must not depend on luck. */
  readonly seed?: number;
}

class LawBroken extends Error {}

/** For a long look: `EDDY_LAW_RUNS=20` runs each law twenty times as often. */
const times = Number(process.env.EDDY_LAW_RUNS ?? 1);

const property = <Subject, Value>({ values, holds }: Law<Subject, Value>, subject: Subject) =>
  fc.asyncProperty(values, async value => {
    const verdict = await holds(subject, value);
    if (verdict !== undefined) throw new LawBroken(verdict);
  });

/** Declares a test that the law holds, and one for each broken subject that the same property sees it. */
export function law<Subject, Value>(title: string, definition: Law<Subject, Value>): void {
  const { right, broken, runs = 60, seed } = definition;
  test(title, async t => {
    t.timeout(120_000 * times);
    await fc.assert(property(definition, right), { numRuns: runs * times, seed });
    t.pass();
  });
  for (const [what, subject] of Object.entries(broken)) {
    test(`${title}: the property sees ${what}`, async t => {
      const details = await fc.check(property(definition, subject), { numRuns: 200, seed: 1, endOnFailure: true });
      t.true(details.failed, 'nothing was seen');
      t.true(details.errorInstance instanceof LawBroken, String(details.errorInstance));
    });
  }
}
