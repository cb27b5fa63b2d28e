// Live data
export { encode } from './encode.js';

// Stepping
export { afresh, type Reset } from './afresh.js';
export { type RolloutOptions, rollout } from './rollout.js';
export { type WriteOptions, write } from './write.js';
export { writeLine } from './write-line.js';
export { step } from './step.js';
export { transcribe } from './transcribe.js';
export { type KeyedInput, type KeyedStep, type StepManyOptions, stepMany } from './step-many.js';

// Learning
export { type BestLearned, type BestOfOptions, type BestState, bestOf } from './best-of.js';
export { type Alarm, type DriftOptions, drift } from './drift.js';
export {
  type Forecast,
  type ForecastOptions,
  type ForecastScales,
  type ForecastState,
  type Foretold,
  forecast,
  type OpenForecast,
} from './forecast.js';
export type { Example, Forget, LateTarget, Learned } from './learned.js';
export { next } from './next.js';
export { prequential } from './prequential.js';
export { tbptt } from './tbptt.js';
export { type KeyedExample, type KeyedLearned, type TbpttManyOptions, tbpttMany } from './tbptt-many.js';
