// What does a batch save: stepMany of 32 streams beside 32 single steps?
import { createModel, drawInputs, lstmConfig } from './helpers/eddy.js';
import { race, ratios, settings, spread } from './helpers/race.js';

const streams = 32;
const hidden = 512;

export async function measure(quick) {
  const model = await createModel(lstmConfig(40, hidden, 10));
  const rows = drawInputs(streams, 40);
  let together = rows.map(() => model.zeroCarry());
  const apart = rows.map(() => model.zeroCarry());

  const batch = count => {
    for (let i = 0; i < count; i++) together = model.stepMany(together, rows).map(step => step.carry);
  };
  const singles = count => {
    for (let i = 0; i < count; i++) {
      for (let stream = 0; stream < streams; stream++) apart[stream] = model.step(apart[stream], rows[stream]).carry;
    }
  };
  batch(3);
  singles(3);
  apart.forEach((carry, stream) => {
    if (carry.some((value, i) => !Object.is(value, together[stream][i]))) {
      throw new Error(`Expected stream ${stream} to have the same bits alone and in a batch`);
    }
  });

  const times = await race({ [`stepMany of ${streams}`]: batch, [`${streams} times step`]: singles }, settings(quick));
  return [
    {
      question: `LSTM ${hidden}: stepMany of ${streams} / ${streams} single steps`,
      answer: spread(ratios(times[`stepMany of ${streams}`], times[`${streams} times step`])),
      unit: '×',
      most: 0.5,
      times,
    },
  ];
}
