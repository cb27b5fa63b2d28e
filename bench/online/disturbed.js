// A learner on a stream that is disturbed for 500 steps (missing values, spikes of a million, missing and duplicate targets, a learning
// rate 100 times too high, all at once): the mean loss of steps 501 to 1,000 after it, over that of an undisturbed twin.
//
//   node bench/online/disturbed.js --from 101 --seeds 20 --cells gru,lstm --streams sine,symbols
import { parseArgs } from 'node:util';
import { stopwatch } from '../helpers/offline.js';

const { disturbances, learnDisturbed } = await import('../../dist/test/helpers/disturbed.js');
const { values: flags } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '6' },
    cells: { type: 'string', default: 'gru' },
    streams: { type: 'string', default: 'sine' },
    what: { type: 'string', default: [...disturbances, 'all'].join() },
    unguarded: { type: 'boolean', default: false },
  },
});
const options = flags.unguarded ? {} : { guard: {} };
const elapsed = stopwatch();
for (const stream of flags.streams.split(',')) {
  for (const cell of flags.cells.split(',')) {
    const settings = Array.from({ length: Number(flags.seeds) }, (_, i) => ({
      cell,
      stream,
      seed: Number(flags.from) + i,
    }));
    const twins = [];
    for (const one of settings) twins.push(await learnDisturbed([], options, one));
    for (const what of flags.what.split(',')) {
      const ratios = [];
      let rollbacks = 0;
      for (const [i, one] of settings.entries()) {
        const run = await learnDisturbed(what === 'all' ? disturbances : [what], options, one);
        ratios.push(run.after / twins[i].after);
        rollbacks += run.rollbacks;
      }
      const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
      const within = ratios.filter(ratio => ratio <= 1.05).length;
      console.log(
        `${stream}, ${cell}, ${what}: mean ${mean.toFixed(3)}, worst ${Math.max(...ratios).toFixed(3)}, ` +
          `${within} of ${ratios.length} within 1.05; ${rollbacks} rollbacks, ${twins.reduce((sum, twin) => sum + twin.rollbacks, 0)} of twins`,
      );
    }
  }
}
console.log(`${elapsed().toFixed(0)} s`);
