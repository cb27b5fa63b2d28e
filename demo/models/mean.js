/** A running mean of weights: its model does better than any of those that it is the mean of. */
export function createMean() {
  let count = 0;
  const means = new Map();
  return {
    add(weights) {
      count++;
      for (const [name, values] of Object.entries(weights)) {
        const mean = means.get(name) ?? new Float64Array(values.length);
        means.set(
          name,
          mean.map((before, i) => before + (values[i] - before) / count),
        );
      }
    },
    weights: () => Object.fromEntries([...means].map(([name, mean]) => [name, Float32Array.from(mean)])),
  };
}
