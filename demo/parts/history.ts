/** Curves over a growing number of steps, in a bounded number of points: beyond it every second one goes, or the oldest. */
export interface History {
  add(step: number, ...values: readonly number[]): void;
  /** Steps first, then the curves. */
  readonly columns: (number | null)[][];
  clear(): void;
}

export function createHistory(curves: number, most = 600, keep: 'all' | 'newest' = 'all'): History {
  const columns: (number | null)[][] = Array.from({ length: curves + 1 }, () => []);
  let stride = 1;
  let seen = 0;
  return {
    columns,
    add(step, ...values) {
      if (seen++ % stride > 0) return;
      columns[0].push(step);
      values.forEach((value, i) => {
        columns[i + 1].push(Number.isFinite(value) ? value : null);
      });
      if (columns[0].length < most) return;
      if (keep === 'newest') {
        for (const column of columns) column.shift();
        return;
      }
      for (const [i, column] of columns.entries()) {
        columns[i].splice(0, column.length, ...column.filter((_, at) => at % 2 === 0));
      }
      stride *= 2;
    },
    clear() {
      for (const column of columns) column.length = 0;
      stride = 1;
      seen = 0;
    },
  };
}
