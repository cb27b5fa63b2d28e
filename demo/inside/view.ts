import type { CellKind } from 'eddy';
import type { Subscription } from 'rxjs';
import { createChart } from '../parts/chart.js';
import { createFading } from '../parts/fading.js';
import { createHistory } from '../parts/history.js';
import { count } from '../parts/numbers.js';
import { createPainter } from '../parts/paint.js';
import { onResize } from '../parts/size.js';
import { createStrip, type Strip } from '../parts/strip.js';
import type { Term } from './explanations.js';
import { units } from './feeds.js';
import type { Probe, Seen } from './probe.js';
import { createReachPlot } from './reach.js';

/** Steps that are shown. */
const moments = 40;
/** α: the loss is averaged over some 50 steps. */
const fading = 0.98;

const names: Readonly<Partial<Record<Term, string>>> = {
  reset: 'reset r',
  update: 'update z',
  candidate: 'candidate',
  input: 'input i',
  forget: 'forget f',
  output: 'output o',
};
const gates: Readonly<Record<CellKind, readonly Term[]>> = {
  rnn_tanh: [],
  rnn_relu: [],
  gru: ['reset', 'update', 'candidate'],
  lstm: ['input', 'forget', 'output', 'candidate'],
};

/** The picture of one learner: lanes that share the axis of time, the window over them, and curves. */
export interface View {
  /** A learner begins. */
  begin(probe: Probe): void;
  see(seen: Seen): void;
}

/** @param k2 steps of the window */
export function createView(root: HTMLElement, cell: CellKind, k2: number, life: Subscription): View {
  const find = <E extends HTMLElement>(id: string): E => root.querySelector<E>(`#${id}`)!;
  const frame = find('frame');
  const reachCanvas = find<HTMLCanvasElement>('reach');

  const lane = (term: Term, name: string, about: string): Strip => {
    const label = document.createElement('button');
    label.type = 'button';
    label.className = 'term';
    label.dataset.term = term;
    label.textContent = name;
    const box = document.createElement('div');
    box.className = `lane ${term}`;
    box.dataset.term = term;
    const canvas = document.createElement('canvas');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', about);
    box.append(canvas);
    frame.before(label, box);
    life.add(() => {
      label.remove();
      box.remove();
    });
    return createStrip(canvas, units, moments, life);
  };
  const state = lane('state', 'state h(t)', 'h(t): one row a unit, one column a step, the newest on the right');
  const gateStrips = gates[cell].map(
    term => [term, lane(term, names[term]!, `The gate ${term}, unit by unit and step by step`)] as const,
  );
  const drawReach = createReachPlot(reachCanvas, moments, life);
  const [losses, norms] = [createHistory(1), createHistory(1)];
  const drawLoss = curve(find('inside-loss'), life);
  const drawNorm = curve(find('inside-norm'), life);
  let loss = createFading(fading);
  let probe: Probe | undefined;
  let now = 0;
  let inWindow = 0;

  const placeFrame = (newest: number): void => {
    const first = Math.max(1, newest - k2 + 1);
    inWindow = newest - first + 1;
    const column = moments - 1 - (now - first);
    const left = reachCanvas.parentElement!.offsetLeft;
    const step = reachCanvas.clientWidth / moments;
    frame.hidden = newest < 1;
    frame.style.left = `${left + column * step - 1}px`;
    frame.style.width = `${inWindow * step + 2}px`;
  };
  const paint = createPainter(() => {
    if (life.closed) return;
    const reach = probe?.reach(moments - 1);
    drawReach(reach, now, k2);
    placeFrame(reach?.number ?? 0);
    find('in-window').textContent = `${inWindow} of ${k2}`;
  });
  onResize(reachCanvas, paint, life);

  return {
    begin(one) {
      probe = one;
      now = 0;
      inWindow = 0;
      loss = createFading(fading);
      for (const strip of [state, ...gateStrips.map(([, strip]) => strip)]) strip.clear();
      for (const history of [losses, norms]) history.clear();
      find('steps').textContent = count(now);
      for (const id of ['updates', 'equal']) find(id).textContent = '–';
      paint();
    },
    see(seen) {
      if (seen.kind === 'step') {
        now = seen.number;
        find('steps').textContent = count(now);
        state.push(seen.carry, seen.label);
        for (const [term, strip] of gateStrips) strip.push(seen.gates[term]);
      } else if (seen.kind === 'loss') {
        loss.add(seen.loss);
        losses.add(seen.number, loss.read());
        drawLoss(losses.columns as [number[], number[]]);
      } else {
        norms.add(now, seen.update.gradientNorm);
        drawNorm(norms.columns as [number[], number[]]);
        find('updates').textContent = count(seen.update.count);
      }
      paint();
    },
  };
}

function curve(element: HTMLElement, life: Subscription) {
  return createChart(
    element,
    {
      height: 130,
      curves: [{ color: theme => theme.network, width: 1.75 }],
      label: value => String(Number(value.toPrecision(2))),
      range: (_, most) => [0, Math.max(0.1, 1.05 * most)],
    },
    life,
  );
}
