// Printed by scripts/fit-functions.js. Every number is a float32; both implementations of the functions read them here.

/** 1 / ln 2, and ln 2 in two parts: the first has 15 bits, so that its product with an exponent is exact. */
export const log2e = 1.4426950216293335;
export const ln2High = 0.693145751953125;
export const ln2Low = 0.000001428606765330187;

/** 1.5 · 2²³: float32 numbers of this size have no fraction, so adding it rounds to an integer, half to even. */
export const roundToInteger = 12582912;

/** e^r = 1 + r + exp2 r² + … + exp6 r⁶ on ±½ ln 2. */
export const exp2 = 0.4999999403953552;
export const exp3 = 0.1666652113199234;
export const exp4 = 0.04166826233267784;
export const exp5 = 0.00836867280304432;
export const exp6 = 0.0013821005122736096;

/** R = log1 z + log2 z² + log3 z³, z = s², with ln((1 + s)/(1 − s)) = s (2 + R), |s| ≤ 3 − √8. */
export const log1 = 0.6666677594184875;
export const log2 = 0.3997756242752075;
export const log3 = 0.29871731996536255;

/** tanh x = x P(x²)/Q(x²). P(0) = Q(0) is a power of 2, so that tanh x = x near 0; the coefficient of x⁸ in Q is 1. */
export const tanhP0 = 1048576;
export const tanhP1 = 141857.046875;
export const tanhP2 = 3850.9853515625;
export const tanhP3 = 24.771272659301758;
export const tanhP4 = 0.018684569746255875;
export const tanhQ1 = 491382.4375;
export const tanhQ2 = 27834.904296875;
export const tanhQ3 = 375.2876892089844;
/** The smallest number whose float32 evaluation is 1: before it all are less, from it on tanh is 1. */
export const tanhLimit = 7.871608257293701;
