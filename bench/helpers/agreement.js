// Whoever computes something else is not a peer: nothing is timed before the answers agree.

/** The largest difference between two lists of rows of numbers; a NaN is infinitely far. */
export function distance(ours, theirs) {
  let most = 0;
  ours.forEach((row, t) => {
    if (theirs[t].length !== row.length) throw new Error(`Expected ${row.length} numbers, got ${theirs[t].length}`);
    row.forEach((value, i) => {
      const difference = Math.abs(value - theirs[t][i]);
      most = Math.max(most, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    });
  });
  return most;
}

export const tolerance = 1e-4;

/** @throws Error if the answers of a peer are not ours */
export function expectAgreement(name, ours, theirs) {
  const most = distance(ours, theirs);
  if (!(most <= tolerance))
    throw new Error(`Expected ${name} to agree within ${tolerance}, got a difference of ${most}`);
}

/** The check of the check. @throws Error if answers that must differ agree */
export function expectDisagreement(name, ours, theirs) {
  const most = distance(ours, theirs);
  if (most <= 10 * tolerance) throw new Error(`Expected ${name} to be seen, got a difference of only ${most}`);
}

/** Predictions and carries of a run of steps, by `step(carry, input)`. */
export function trace(model, inputs) {
  let carry = model.zeroCarry();
  return inputs.map(input => {
    const step = model.step(carry, input);
    carry = step.carry;
    return [...step.prediction, ...step.carry];
  });
}
