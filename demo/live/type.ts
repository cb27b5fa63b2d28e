import type { RemoteStep } from 'eddy/client';
import { type Observable, Subject, switchMap, timer } from 'rxjs';
import { createChart } from '../parts/chart.js';
import { createHistory } from '../parts/history.js';
import { count, createNumbers, percent } from '../parts/numbers.js';
import { type Status, staying } from '../parts/status.js';
import { createStrip } from '../parts/strip.js';
import { createBars } from './bars.js';
import { lookOf } from './characters.js';
import { continuation } from './ghost.js';
import { createPaper, type Mark } from './paper.js';
import { createReader, type Reading } from './reader.js';
import { rhyme } from './rhyme.js';

/** Columns of the strip: so many characters can be told apart. */
const moments = 64;
const units = 128;
/** Milliseconds of rest before it goes on by itself. */
const rest = 150;
/** Milliseconds between two characters that it reads by itself. */
const pace = 25;

/** What a person types, foretold and learned character by character. */
export function startType(status: Status): void {
  const find = (id: string): HTMLElement => document.getElementById(id)!;
  const area = find('typing') as HTMLTextAreaElement;
  const [readButton, takeButton, clearButton] = ['read', 'take', 'clear'].map(id => find(id) as HTMLButtonElement);
  const verdict = find('type-verdict');
  const lossPlot = find('type-loss');
  const barsEmpty = find('bars-empty');
  const bars = createBars(find('bars'));
  const strip = createStrip(find('type-strip') as HTMLCanvasElement, units, moments);
  const show = createNumbers(find('type-numbers'), ['bytes read', 'updates of the weights', 'foreseen as likeliest']);
  const history = createHistory(2);
  const draw = createChart(lossPlot, {
    height: 170,
    curves: [
      { color: theme => theme.network, width: 2 },
      { color: theme => theme.trivial, width: 1.75, dash: [5, 4] },
    ],
    label: value => value.toFixed(0),
    range: (_, most) => [0, Math.max(8, 1.02 * most)],
  });
  const utf8 = new TextEncoder();
  const rested = new Subject<Observable<string>>();

  let updates: number | undefined;
  let latest: Reading | undefined;
  let newest: RemoteStep | undefined;
  let reading: ReturnType<typeof setInterval> | undefined;

  const reader = createReader<Mark>((mark, scored) => {
    latest = scored;
    mark.bits = (mark.bits ?? 0) + scored.bits;
    paper.tint(mark);
    history.add(scored.count, scored.network, scored.letters);
    draw(history.columns as [number[], number[], number[]]);
    verdict.textContent = sentence(scored);
    if (scored.count % 20 === 0) {
      lossPlot.setAttribute(
        'aria-label',
        `Bits per character: the network ${scored.network.toFixed(1)}, counting letters ${scored.letters.toFixed(1)}`,
      );
    }
  });
  const paper = createPaper(area, find('ghost'), marks => {
    takeButton.disabled = true;
    for (const mark of marks) reader.read(utf8.encode(mark.character), mark);
  });

  const renew = (): void => {
    history.clear();
    strip.clear();
    bars.clear();
    barsEmpty.hidden = false;
    latest = undefined;
    newest = undefined;
  };
  staying(status, 'type', opened =>
    reader.connect(() => {
      renew();
      opened();
    }),
  ).subscribe(event => {
    if (event.kind === 'step') {
      barsEmpty.hidden = true;
      bars.show(event.step.prediction);
      if (event.step.carry) strip.push(event.step.carry, lookOf(event.byte).glyph);
      newest = event.step;
      if (reading === undefined) rested.next(goOn(newest));
    } else {
      updates = event.count;
    }
    show([
      count(latest?.count ?? 1),
      updates === undefined ? '–' : count(updates),
      latest === undefined ? '–' : percent(latest.right),
    ]);
  });

  const goOn = (step: RemoteStep): Observable<string> => timer(rest).pipe(switchMap(() => continuation(step)));
  rested.pipe(switchMap(growing => growing)).subscribe(text => {
    if (reader.waiting > 0) return;
    paper.expect(text);
    takeButton.disabled = text === '';
  });

  const stopReading = (): void => {
    clearInterval(reading);
    if (reading !== undefined && newest) rested.next(goOn(newest));
    reading = undefined;
    readButton.textContent = 'Let it read a rhyme';
  };
  const startReading = (): void => {
    let at = 0;
    if (paper.length > 0) paper.append('\n\n');
    readButton.textContent = 'Stop reading';
    reading = setInterval(() => {
      if (reader.waiting > 8) return;
      paper.append(rhyme[at++]);
      if (at === rhyme.length || paper.length >= area.maxLength) stopReading();
    }, pace);
  };
  const take = (): void => {
    if (paper.ghost !== '') paper.append(paper.ghost);
  };

  readButton.addEventListener('click', () => (reading === undefined ? startReading() : stopReading()));
  takeButton.addEventListener('click', () => {
    take();
    area.focus();
  });
  clearButton.addEventListener('click', () => {
    stopReading();
    paper.clear();
    area.focus();
  });
  area.addEventListener('keydown', event => {
    if (event.key !== 'ArrowRight' || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    if (!paper.caretAtEnd || paper.ghost === '') return;
    event.preventDefault();
    take();
  });
  area.addEventListener('beforeinput', stopReading);
}

function sentence({ count: read, network, letters }: Reading): string {
  if (read < 30) return 'Reading. At first every byte is as likely as any other: 8 bits each.';
  const beside = `It needs ${network.toFixed(1)} bits per character, counting letters ${letters.toFixed(1)}`;
  return network < letters ? `${beside}.` : `${beside}: still learning.`;
}
