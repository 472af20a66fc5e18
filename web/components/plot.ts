/** What all charts share: the colours of the page, and a size that follows the surrounding element. */
import uPlot from 'uplot';
import { logarithmicTicks } from '../ticks.ts';

/** A colour of style.css, such as `--blue`, in the current theme. */
export function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export type PlotOptions = Omit<uPlot.Options, 'width' | 'axes' | 'scales'> & {
  readonly xLabel: string;
  readonly yAxis: uPlot.Axis;
  readonly isLogarithmic?: boolean;
};

/** uPlot's own logarithmic axis covers whole powers of ten, so the curves of losses would fill a small part of it. */
const LOGARITHMIC: { readonly scale: uPlot.Scale; readonly axis: uPlot.Axis } = {
  scale: {
    distr: 3,
    range: (_, least, most) => (least > 0 && most > 0 ? [least / 1.04, most * 1.04] : [0.1, 10]),
  },
  axis: {
    splits: (_, __, least, most) => logarithmicTicks(least, most),
    filter: (_, ticks) => ticks,
    values: (_, ticks) => ticks.map((tick) => tick.toLocaleString('en', { maximumSignificantDigits: 6 })),
  },
};

/** Draws a chart in an element, as wide as that. @returns the chart, and a function that removes it */
export function mountPlot(
  host: HTMLElement,
  { xLabel, yAxis, isLogarithmic = false, ...options }: PlotOptions,
  data: uPlot.AlignedData,
): { readonly plot: uPlot; readonly remove: () => void } {
  const axis: uPlot.Axis = {
    stroke: colourOf('--ink-soft'),
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { stroke: colourOf('--line'), width: 1 },
  };
  const width = () => Math.max(200, host.clientWidth);
  const plot = new uPlot(
    {
      ...options,
      width: width(),
      scales: { x: { time: false }, y: isLogarithmic ? LOGARITHMIC.scale : {} },
      axes: [
        { ...axis, label: xLabel, size: 32, labelSize: 20, labelGap: 0 },
        { ...axis, ...yAxis, ...(isLogarithmic && LOGARITHMIC.axis) },
      ],
    },
    data,
    host,
  );
  const observer = new ResizeObserver(() => plot.setSize({ width: width(), height: options.height }));
  observer.observe(host);
  return {
    plot,
    remove() {
      observer.disconnect();
      plot.destroy();
    },
  };
}
