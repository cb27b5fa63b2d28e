/**
 * Milliseconds of so many rows after those before: the fastest of three runs, in which what else the machine does is least.
 *
 * @param row does what a row costs
 */
export function timeOfRows(row: (i: number) => void, before: number, rows = 5000): number {
  for (let i = 0; i < before; i++) row(i);
  const times = Array.from({ length: 3 }, () => {
    const began = performance.now();
    for (let i = 0; i < rows; i++) row(i);
    return performance.now() - began;
  });
  return Math.min(...times);
}
