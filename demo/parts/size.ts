import type { Subscription } from 'rxjs';

/** The element has another size, or has one for the first time. */
export function onResize(element: Element, draw: () => void, life: Subscription): void {
  const observer = new ResizeObserver(draw);
  observer.observe(element);
  life.add(() => observer.disconnect());
}
