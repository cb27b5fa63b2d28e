// Of the normal density; assembly/gaussian.ts reads them too.

/** 2⁻¹⁰: no deviation is smaller, so that the loss of a value that never varies stays finite. In the units of the targets. */
export const leastDeviation = 0.0009765625;

/** ½ ln 2π */
export const halfLogTwoPi = 0.9189385332046727;
