import type { Point } from 'eddy';

/** Width and height of the pad, in what the networks of ink measure in, however large it is on the screen. */
export const side = 320;

/** What a pointer event says, with the moves that the browser joined into one, on a pad at that place of the screen. */
export function pointsOf(event: PointerEvent, pad: { left: number; top: number; width: number }, up: boolean): Point[] {
  const joined = event.type === 'pointermove' ? event.getCoalescedEvents() : [];
  const events = joined.length > 0 ? joined : [event];
  return events.map(({ clientX, clientY, timeStamp, pressure }, i) => ({
    x: ((clientX - pad.left) * side) / pad.width,
    y: ((clientY - pad.top) * side) / pad.width,
    time: timeStamp,
    pressure: Math.min(Math.max(pressure, 0), 1),
    up: up && i === events.length - 1,
  }));
}
