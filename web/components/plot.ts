/** What all charts share: the colours of the page, and a size that follows the surrounding element. */
import uPlot from 'uplot';

/** A colour of style.css, such as `--blue`, in the current theme. */
export function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export type PlotOptions = Omit<uPlot.Options, 'width' | 'axes' | 'scales'> & {
  readonly xLabel: string;
  readonly yAxis: uPlot.Axis;
  readonly yScale?: uPlot.Scale;
};

/** Draws a chart in an element, as wide as that. @returns the chart, and a function that removes it */
export function mountPlot(
  host: HTMLElement,
  { xLabel, yAxis, yScale = {}, ...options }: PlotOptions,
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
      scales: { x: { time: false }, y: yScale },
      axes: [
        { ...axis, label: xLabel },
        { ...axis, ...yAxis },
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
