import test from 'ava';
import { lossPlot } from '../../src/cli/plot.js';
import type { Epoch } from '../../src/training/fit.js';

const epoch = (number: number, loss: number, judged?: number, best = true): Epoch => ({
  number,
  loss,
  validation: judged === undefined ? undefined : { loss: judged, labelled: 1, accuracy: undefined },
  best,
});

const points = (svg: string): string[] => [...svg.matchAll(/points="([^"]*)"/g)].map(([, list]) => list);

test('a plot has a line of what was learned, one of validation, and a mark at the best epoch', t => {
  const svg = lossPlot([epoch(1, 2, 1.5), epoch(2, 1, 0.5), epoch(3, 0.5, 1, false)]);
  t.deepEqual(points(svg), ['56.0,16.0 340.0,168.0 624.0,244.0', '56.0,92.0 340.0,244.0 624.0,168.0']);
  t.regex(svg, /<circle cx="340\.0" cy="244\.0"/);
  t.regex(svg, /best: epoch 2, 0\.5000/);
});

test('without validation there is one line and no mark; one epoch, and a loss that is no number, draw too', t => {
  const svg = lossPlot([epoch(1, 2), epoch(2, 1)]);
  t.is(points(svg).length, 1);
  t.notRegex(svg, /circle|validation/);
  t.notRegex(lossPlot([epoch(1, 2)]), /NaN|Infinity/);
  const broken = lossPlot([epoch(1, Number.NaN), epoch(2, 1), epoch(3, Number.NaN)]);
  t.notRegex(broken, /NaN|Infinity/);
  t.is(points(broken)[0].split(' ').length, 1);
});

test('a long training is drawn too', t => {
  const svg = lossPlot(Array.from({ length: 350_000 }, (_, i) => epoch(i + 1, 2, 1)));
  t.is(points(svg)[0].split(' ').length, 350_000);
});
