/** Milliseconds between two pictures: enough for what comes a few times a second, and calm. */
const pause = 60;

/** Draws what is newest soon after it is asked to, not too often, and not while the page is hidden. */
export function createPainter(draw: () => unknown): () => void {
  let waiting = false;
  let drawn = Number.NEGATIVE_INFINITY;
  return () => {
    if (waiting) return;
    waiting = true;
    setTimeout(
      () =>
        requestAnimationFrame(now => {
          waiting = false;
          drawn = now;
          draw();
        }),
      Math.max(0, drawn + pause - performance.now()),
    );
  };
}
