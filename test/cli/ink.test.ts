import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { createStrokes } from '../../src/encoders/strokes.js';
import { saveModel } from '../../src/model/checkpoint.js';
import { createModel } from '../../src/model/model.js';
import { eddy, folder } from '../helpers/cli.js';
import { scribble } from '../helpers/ink.js';

const encoder = createStrokes({ kind: 'strokes', spacing: 0.5, unit: 10, pressure: true });
const points = scribble(6);

async function reader(t: ExecutionContext) {
  const layers = [{ cell: 'gru', size: 5 }] as const;
  const output = { kind: 'classes', size: 3 } as const;
  const labels = ['a', 'b', 'c'];
  const model = await createModel({ input: encoder.input, layers, output, encoder: { ...encoder.config }, labels });
  const path = folder(t)('reader');
  writeFileSync(path, saveModel(model));
  let carry = model.zeroCarry();
  const truth = encoder.encode(encoder.initial(), points).inputs.map(input => {
    const step = model.step(carry, input);
    carry = step.carry;
    return labels[step.prediction.indexOf(Math.max(...step.prediction))];
  });
  return { path, truth };
}

test('points come as lines of JSON or as a table, and each step along the ink is answered', async t => {
  const { path, truth } = await reader(t);
  const names = ['x', 'y', 'time', 'pressure', 'up'] as const;
  const ndjson = points.map(point => JSON.stringify(point)).join('\n');
  const csv = [names.join(','), ...points.map(point => names.map(name => point[name]).join(','))].join('\n');
  for (const text of [ndjson, csv]) {
    const { lines, status } = await eddy(t, `${text}\n`, 'pipe', path, '--top-k', '1');
    t.is(status, 0);
    t.deepEqual(
      lines.map(line => line.top[0].label),
      truth,
    );
  }
});

test('a line that is no point is told and passed over', async t => {
  const { path, truth } = await reader(t);
  const lines = points.map(point => JSON.stringify(point));
  lines.splice(3, 0, '{"x":1,"y":"left","time":0,"up":false}', '{"x":1,"y":2,"time":0,"up":"maybe"}');
  const out = await eddy(t, `${lines.join('\n')}\n`, 'pipe', path, '--top-k', '1');
  t.regex(out.stderr, /line 4: expected y of a point to be a number, got "left": skipped/);
  t.regex(out.stderr, /line 5: expected up of a point to be true or false, got "maybe": skipped/);
  t.is(out.lines.length, truth.length);
});
