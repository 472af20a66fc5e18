/** Loss curves, drawn by uPlot, with a table of the same numbers for those who can't see them. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { theme } from '../theme.ts';

export interface Series {
  readonly label: string;
  /** A variable of style.css, such as `--blue`. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly width?: number;
  /** Draws points, and lines over gaps: for values that come seldom. */
  readonly isSparse?: boolean;
  readonly dash?: readonly number[];
}

export interface ChartProps {
  readonly label: string;
  /** Ascending. */
  readonly x: readonly number[];
  readonly xLabel: string;
  readonly series: readonly Series[];
  readonly isLogarithmic?: boolean;
  readonly height?: number;
  /** One sentence that says what the chart shows. */
  readonly summary: string;
}

export function Chart({
  label,
  x,
  xLabel,
  series,
  isLogarithmic = false,
  height = 280,
  summary,
}: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const shape = `${theme.value} ${isLogarithmic} ${height} ${xLabel} ${series.map((own) => own.label + own.colour).join()}`;
  useEffect(() => {
    const { current } = host;
    if (!current) return;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour('--ink-soft'),
      grid: { stroke: colour('--line') },
      ticks: { stroke: colour('--line') },
    };
    const made = new uPlot(
      {
        ...{ width: Math.max(200, current.clientWidth), height },
        scales: { x: { time: false }, y: isLogarithmic ? { distr: 3 } : {} },
        axes: [
          { ...axis, label: xLabel },
          { ...axis, size: 56 },
        ],
        series: [
          { label: xLabel },
          ...series.map((own) => ({
            ...{ label: own.label, stroke: colour(own.colour), width: own.width ?? 2, spanGaps: true },
            ...(own.dash && { dash: [...own.dash] }),
            points: { show: own.isSparse === true, size: 6, fill: colour(own.colour) },
            value: (_: uPlot, value: number | null) => (value === null ? '–' : value.toFixed(4)),
          })),
        ],
      },
      dataOf(x, series),
      current,
    );
    plot.current = made;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: Math.max(200, current.clientWidth), height }),
    );
    observer.observe(current);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [shape]);
  useEffect(() => {
    const frame = requestAnimationFrame(() => plot.current?.setData(dataOf(x, series)));
    return () => cancelAnimationFrame(frame);
  }, [x, series]);
  return (
    <figure class="chart">
      <div ref={host} role="img" aria-label={`${label}. ${summary}`} />
      <figcaption>{summary}</figcaption>
    </figure>
  );
}

function dataOf(x: readonly number[], series: readonly Series[]): uPlot.AlignedData {
  return [[...x], ...series.map(({ values }) => [...values])];
}
