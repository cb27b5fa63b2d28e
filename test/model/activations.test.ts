import test from 'ava';
import { activationsSize, createActivations } from '../../src/model/activations.js';
import type { OutputKind } from '../../src/model/config.js';
import { createModel } from '../../src/model/model.js';
import { cellKinds, config } from '../helpers/models.js';

const outputKinds: readonly OutputKind[] = ['classes', 'labels', 'values', 'gaussian'];

test('the room of activations is what is reserved for them, to the number', async t => {
  for (const cell of cellKinds) {
    for (const kind of outputKinds) {
      for (const input of [{ kind: 'features', size: 7 } as const, { kind: 'token', size: 9 } as const]) {
        const { config: full, network } = await createModel(config(cell, [5, 16, 3], input, { kind, size: 6 }));
        const { arena } = network.kernels;
        for (const [streams, steps] of [
          [1, 1],
          [1, 33],
          [8, 8],
          [3, 500],
        ]) {
          for (const learning of [true, false]) {
            const before = arena.size();
            createActivations(arena, full, streams, steps, learning);
            const reserved = arena.size() - before;
            const shown = `${cell}, ${kind}, ${input.kind}, ${streams} × ${steps}, ${learning}`;
            t.is(activationsSize(full, streams, steps, learning), reserved, shown);
            t.is(arena.size() - before, reserved, shown);
          }
        }
      }
    }
  }
});
