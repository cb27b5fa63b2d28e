import type { Point } from 'eddy';
import { fromEvent, type Subscription } from 'rxjs';
import { createPainter } from '../parts/paint.js';
import { onResize } from '../parts/size.js';
import { onThemeChange, readTheme } from '../parts/theme.js';
import { pointsOf, side } from './pen.js';

export interface Pad {
  /** Ink that did not come from the hand of whoever looks on. */
  add(points: readonly Point[]): void;
  clear(): void;
}

/** Of the pen that the arrow keys move. */
const stride = 8;
/** Milliseconds that a move by a key is taken to last. */
const beat = 30;

const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/**
 * A square to draw on: by pen, finger and mouse; or by keys, arrows to move, space to put the pen down and lift it, escape to clear.
 *
 * @param on.down told before the first point of a stroke; `goesOn` where the keys drew the one before, which take their time
 */
export function createPad(
  canvas: HTMLCanvasElement,
  on: { readonly down: (goesOn: boolean) => void; readonly ink: (points: Point[]) => void; readonly clear: () => void },
  life: Subscription,
): Pad {
  const context = canvas.getContext('2d')!;
  let ink: Point[] = [];
  let pointer: number | undefined;
  /** Of the keys. */
  let pen = { x: side / 2, y: side / 3, down: false, shown: false };
  /** The newest ink is of the keys. */
  let byKeys = false;
  let clock = 0;

  const paint = createPainter(() => {
    const theme = readTheme();
    const width = canvas.clientWidth;
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = canvas.width;
    context.scale(canvas.width / side, canvas.width / side);
    context.lineWidth = 7;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.strokeStyle = theme.ink;
    context.beginPath();
    let down = false;
    for (const { x, y, up } of ink) {
      if (!down) context.moveTo(x, y);
      context.lineTo(x, y);
      down = !up;
    }
    context.stroke();
    if (!pen.shown) return;
    context.beginPath();
    context.arc(pen.x, pen.y, 8, 0, 2 * Math.PI);
    context.lineWidth = 3;
    context.strokeStyle = theme.network;
    context.fillStyle = theme.network;
    if (pen.down) context.fill();
    context.stroke();
  });

  const take = (points: Point[]): void => {
    if (points.length === 0) return;
    ink.push(...points);
    paint();
    on.ink(points);
  };
  const place = () => canvas.getBoundingClientRect();
  const listen = <Name extends keyof HTMLElementEventMap>(
    name: Name,
    act: (event: HTMLElementEventMap[Name]) => void,
  ): void => {
    life.add(fromEvent(canvas, name).subscribe(event => act(event as HTMLElementEventMap[Name])));
  };
  listen('pointerdown', event => {
    if (pointer !== undefined || event.button !== 0) return;
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    if (pen.down) lift();
    pen = { ...pen, shown: false };
    byKeys = false;
    on.down(byKeys);
    take(pointsOf(event, place(), false));
  });
  listen('pointermove', event => {
    if (event.pointerId === pointer) take(pointsOf(event, place(), false));
  });
  for (const name of ['pointerup', 'pointercancel'] as const)
    listen(name, event => {
      if (event.pointerId !== pointer) return;
      pointer = undefined;
      take(pointsOf(event, place(), true));
    });

  const byKey = (up: boolean): Point => {
    clock += beat;
    return { x: pen.x, y: pen.y, time: clock, up };
  };
  const lift = (): void => {
    pen = { ...pen, down: false };
    take([byKey(true)]);
  };
  listen('keydown', event => {
    const arrow = arrows[event.key];
    if (arrow) {
      const within = (value: number): number => Math.min(Math.max(value, 8), side - 8);
      pen = { ...pen, x: within(pen.x + stride * arrow[0]), y: within(pen.y + stride * arrow[1]), shown: true };
      if (pen.down) take([byKey(false)]);
    } else if (event.key === ' ') {
      if (event.repeat) {
        // It is held.
      } else if (pen.down) lift();
      else {
        on.down(byKeys);
        byKeys = true;
        pen = { ...pen, down: true, shown: true };
        take([byKey(false)]);
      }
    } else if (event.key === 'Escape') on.clear();
    else return;
    paint();
    event.preventDefault();
  });
  onThemeChange(paint, life);
  onResize(canvas, paint, life);
  return {
    add(points) {
      byKeys = false;
      take([...points]);
    },
    clear() {
      ink = [];
      pen = { ...pen, down: false };
      paint();
    },
  };
}
