/** A mean in which old values fade, as the library's metrics do it: S / B with S = value + α S and B = 1 + α B; 1 fades nothing. */
export function createFading(alpha: number): { add(value: number): void; read(): number } {
  let sum = 0;
  let count = 0;
  return {
    add(value) {
      sum = value + alpha * sum;
      count = 1 + alpha * count;
    },
    read: () => sum / count,
  };
}
