import type { Subscription } from 'rxjs';
import uPlot from 'uplot';
import { createPainter } from './paint.js';
import { onResize } from './size.js';
import { onThemeChange, readTheme, type Theme } from './theme.js';

export interface Curve {
  readonly color: (theme: Theme) => string;
  readonly width?: number;
  readonly dash?: readonly number[];
  /** A soft area below. */
  readonly fill?: boolean;
  /** Dots, and no line. */
  readonly dots?: boolean;
  /** A dot on the newest point. */
  readonly endPoint?: boolean;
}

export interface ChartOptions {
  readonly curves: readonly Curve[];
  readonly height: number;
  /** How numbers beside the axis read; left out: no axes. */
  readonly label?: (value: number) => string;
  /** Two curves more, which come last: the lower and the upper end of a soft band. */
  readonly band?: (theme: Theme) => string;
  /** The least and the most that is shown, of the data. */
  readonly range?: (least: number, most: number) => [number, number];
}

/** Pixels of the axis below. */
const bottom = 24;

/** A plot that is as wide as its element, in the colours of the page. */
export function createChart(
  element: HTMLElement,
  options: ChartOptions,
  life: Subscription,
): (data: uPlot.AlignedData) => void {
  const { height, label, range, band } = options;
  const curves: readonly Curve[] = [
    ...options.curves,
    ...(band ? [0, 1].map((): Curve => ({ color: () => 'transparent', width: 0 })) : []),
  ];
  let theme = readTheme();
  let latest: uPlot.AlignedData = [[], ...curves.map(() => [])] as unknown as uPlot.AlignedData;
  const axis = (side: Partial<uPlot.Axis>): uPlot.Axis => ({
    show: label !== undefined,
    stroke: () => theme.faint,
    font: '11px system-ui, sans-serif',
    grid: { show: false },
    ticks: { show: false },
    ...side,
  });
  const plot = new uPlot(
    {
      width: Math.max(element.clientWidth, 80),
      height,
      // Without data there is no axis below, and the lowest number beside it would be cut.
      padding: label ? [8, 20, (_, side, axes) => (axes[side] ? 0 : bottom), 0] : [6, 6, 6, 2],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false },
        ...(range ? { y: { range: (_, least, most) => range(least ?? 0, most ?? 1) } } : {}),
      },
      axes: [
        axis({ size: bottom, values: (_, marks) => marks.map(mark => (Number.isInteger(mark) ? String(mark) : '')) }),
        axis({
          size: 40,
          values: (_, marks) => marks.map(mark => label?.(mark) ?? ''),
          grid: { show: true, stroke: () => `${theme.faint}33`, width: 1 },
        }),
      ],
      series: [
        {},
        ...curves.map(({ color, width = 1.75, dash, fill, dots, endPoint }) => ({
          stroke: () => color(theme),
          width,
          ...(dash ? { dash: [...dash] } : {}),
          ...(fill ? { fill: () => `${color(theme)}14` } : {}),
          points: {
            show: (endPoint || dots) ?? false,
            size: 7,
            fill: () => color(theme),
            ...(dots
              ? {}
              : { filter: (_: uPlot, index: number, shown: boolean) => (shown ? newest(latest[index]) : null) }),
          },
          spanGaps: false,
        })),
      ],
      ...(band
        ? { bands: [{ series: [curves.length, curves.length - 1] as [number, number], fill: () => band(theme) }] }
        : {}),
    },
    latest,
    element,
  );
  let gone = false;
  const paint = createPainter(() => !gone && plot.setData(latest));
  const recolour = (): void => {
    theme = readTheme();
    plot.redraw();
  };
  onThemeChange(recolour, life);
  onResize(element, () => plot.setSize({ width: Math.max(element.clientWidth, 80), height }), life);
  life.add(() => {
    gone = true;
    plot.destroy();
  });
  return data => {
    latest = data;
    paint();
  };
}

function newest(values: ArrayLike<number | null | undefined>): number[] {
  let at = values.length - 1;
  while (at >= 0 && values[at] == null) at--;
  return at < 0 ? [] : [at];
}
