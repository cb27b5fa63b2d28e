// Models
export type { CellKind } from './cells/cell.js';
export type { Carry, CarryLayout } from './model/carry.js';
export type { LayerConfig, ModelConfig, OutputConfig, OutputKind } from './model/config.js';
export { type LayerGates, watchGates } from './model/gates.js';
export type { Initialization } from './model/initialization.js';
export type { Input } from './model/input.js';
export { copyModel, createModel, type Model, type TrainableModel } from './model/model.js';
export type { Moved, Run } from './model/moving.js';
export type { Weights } from './model/parameters.js';
export { argmax, type SampleOptions, sample } from './model/sample.js';
export {
  createTranscriber,
  type Transcriber,
  type Transcript,
  type TranscriptOptions,
  type TranscriptState,
} from './model/transcript.js';
export { type OffsetOptions, sampleOffset } from './model/sample-offset.js';
export type { Step } from './model/transfer.js';

// Learning
export { type Adwin, type AdwinOptions, type Change, createAdwin } from './training/adwin.js';
export type { Dropout } from './training/dropout.js';
export type { Guard, Rollback, Verdict } from './training/guard.js';
export type { GuardOptions } from './training/guard-options.js';
export { gradientsByLag } from './training/lags.js';
export {
  createSurprise,
  type Surprise,
  type SurpriseOptions,
  type SurpriseScore,
  type SurpriseState,
} from './training/surprise.js';
export type { Target } from './training/loss.js';
export type { LossConfig } from './training/losses.js';
export type { OptimizerConfig } from './training/optimizer.js';
export { type Evaluation, evaluate, type Labelled, type Sequence } from './training/evaluate.js';
export { type Epoch, type FitOptions, type Fitted, fit, splitSequences, withNoise } from './training/fit.js';
export type { ReplayOptions, TrainerOptions } from './training/options.js';
export type { ReadoutOptions, ReadoutStep } from './training/readout.js';
export type { Schedule } from './training/schedule.js';
export type { StreamMark, StreamState } from './training/stream.js';
export { createTrainer, type Gradients, type Trainer, type Update } from './training/trainer.js';
export type { Window } from './training/window.js';

// Metrics
export type { Average } from './training/average.js';
export type { BandScores } from './training/band.js';
export type { Accuracy } from './training/accuracy.js';
export type { Metrics, Scores } from './training/judge.js';
export type { Errors } from './training/value-errors.js';
export { createMetrics, type MetricsOptions, type RunningMetrics } from './training/metrics.js';

// Checkpoints
export { loadModel, saveModel } from './model/checkpoint.js';
export { loadTrainer, type SavedTrainer, saveTrainer } from './training/checkpoint.js';

// Other people's weights
export type { Imported } from './interchange/imported.js';
export { fromKeras, type KerasLayer } from './interchange/keras.js';
export { fromPyTorch, type PyTorchOptions } from './interchange/pytorch.js';
export { readSafetensors, type Safetensors } from './model/safetensors.js';
export { type Tensor, tensorOf } from './model/tensor.js';

// Encoders
export type { AudioConfig, AudioEncoder, AudioState, Sound } from './encoders/audio.js';
export type { BytesConfig } from './encoders/bytes.js';
export { type CharactersConfig, vocabularyOf } from './encoders/characters.js';
export type { Encoder } from './encoders/encoder.js';
export { createEncoder, type EncoderConfig } from './encoders/encoders.js';
export {
  createReadings,
  type Reading,
  type ReadingCell,
  type ReadingColumn,
  type ReadingsConfig,
  type ReadingsEncoder,
  type ReadingsState,
  type Scale,
} from './encoders/readings.js';
export type { Statistics } from './encoders/statistics.js';
export { createStrokes, type Point, type StrokesConfig, type StrokesState } from './encoders/strokes.js';
export { createWavReader, readWav, type WavFormat, type WavReader, writeWav } from './encoders/wav.js';

// Other people's ink
export type { Ink } from './interchange/ink.js';
export { fromInkml } from './interchange/inkml.js';
export { fromQuickDraw } from './interchange/quick-draw.js';
export { inkFrame, inkSvg, svgPath } from './interchange/svg.js';
export { fromUnipen, type UnipenOptions } from './interchange/unipen.js';

// Random numbers
export { createRandom, type Random } from './random.js';

// Errors
export {
  CheckpointError,
  ConfigError,
  DivergenceError,
  EddyError,
  InputError,
  LimitError,
  RecordError,
  RemoteError,
  ServeError,
  StaleStateError,
  TargetError,
  WireError,
} from './errors.js';
