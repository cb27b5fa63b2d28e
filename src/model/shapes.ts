import { cells } from '../cells/cells.js';
import type { ModelConfig } from './config.js';
import { outputWidth } from './outputs.js';

/** The name and shape of each tensor that a configuration asks for, in the order of the layout; nothing is allocated for them. */
export function weightShapes(config: ModelConfig): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  config.layers.forEach((layer, i) => {
    const below = i === 0 ? config.input.size : config.layers[i - 1].size;
    const inputs = i > 0 && config.skip ? config.input.size + below : below;
    const { inputOrder, hiddenOrder } = cells[layer.cell];
    shapes.set(`weight_ih_l${i}`, [inputOrder.length * layer.size, inputs]);
    shapes.set(`weight_hh_l${i}`, [hiddenOrder.length * layer.size, layer.size]);
    shapes.set(`bias_ih_l${i}`, [inputOrder.length * layer.size]);
    shapes.set(`bias_hh_l${i}`, [hiddenOrder.length * layer.size]);
  });
  const read = config.skip ? config.layers : config.layers.slice(-1);
  const inputs = read.reduce((sum, layer) => sum + layer.size, 0);
  shapes.set('readout.weight', [outputWidth(config.output), inputs]);
  shapes.set('readout.bias', [outputWidth(config.output)]);
  return shapes;
}
