import type { Subscription } from 'rxjs';

export interface Theme {
  readonly ink: string;
  readonly faint: string;
  readonly network: string;
  readonly frozen: string;
  readonly trivial: string;
  readonly alarm: string;
  /** Red, green and blue of h = −1, 0 and 1. */
  readonly cold: readonly number[];
  readonly zero: readonly number[];
  readonly warm: readonly number[];
}

const dark = matchMedia('(prefers-color-scheme: dark)');

/** The colours of the style sheet, for what is drawn by hand. */
export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string): string => style.getPropertyValue(name).trim();
  const channels = (name: string): number[] => [1, 3, 5].map(at => Number.parseInt(value(name).slice(at, at + 2), 16));
  return {
    ink: value('--ink'),
    faint: value('--faint'),
    network: value('--network'),
    frozen: value('--frozen'),
    trivial: value('--trivial'),
    alarm: value('--alarm'),
    cold: channels('--cold'),
    zero: channels('--zero'),
    warm: channels('--warm'),
  };
}

/** Light became dark, or dark light. */
export function onThemeChange(draw: () => void, life: Subscription): void {
  dark.addEventListener('change', draw);
  life.add(() => dark.removeEventListener('change', draw));
}
