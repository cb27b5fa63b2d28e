import { gaussian } from './gaussian.js';
import { mixture } from './mixture.js';
import type { Output, OutputConfig, OutputKind } from './output.js';

/** One of several: softmax. */
const classes: Output = {
  width: output => output.size,
  targetWidth: 1,
  predict: (k, o, p, stride, rows, { size }) => k.softmax(o, p, stride, rows, size),
};

/** Any of several: sigmoids. */
const labels: Output = {
  width: output => output.size,
  predict: (k, o, p, stride, rows, { size }) => k.sigmoid(o, p, stride, rows, size),
};

/** Numbers as they are. */
const values: Output = { width: output => output.size };

/** Every kind of output, by its name in a configuration. */
export const outputs: Readonly<Record<OutputKind, Output>> = { classes, labels, values, gaussian, mixture };

/** Numbers of o(t), and as many of ŷ(t). */
export function outputWidth(output: OutputConfig): number {
  return outputs[output.kind].width(output);
}
