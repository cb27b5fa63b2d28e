/** Insertions, deletions and replacements that make one list of labels the other, at least (Levenshtein 1966). */
export function editDistance(a: readonly number[], b: readonly number[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  a.forEach((label, i) => {
    const next = [i + 1];
    b.forEach((other, j) => {
      next.push(Math.min(row[j] + (label === other ? 0 : 1), row[j + 1] + 1, next[j] + 1));
    });
    row = next;
  });
  return row[b.length];
}
