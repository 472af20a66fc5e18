/** Curves of one run, drawn by uPlot, with a sentence for those who can't see them. */
import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { theme } from '../theme.ts';
import { colourOf, mountPlot } from './plot.ts';

export interface Series {
  readonly label: string;
  /** A variable of style.css, such as `--blue`. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly width?: number;
  /** Draws points, and lines across gaps, for values that are rare. */
  readonly isSparse?: boolean;
  readonly dash?: readonly number[];
}

export interface ChartProps {
  readonly label: string;
  /** Ascending. */
  readonly x: readonly number[];
  readonly xLabel: string;
  readonly series: readonly Series[];
  readonly yLabel?: string;
  readonly height?: number;
  /** One sentence that says what the chart shows. */
  readonly summary: string;
}

export function Chart({ label, x, xLabel, yLabel, series, height = 280, summary }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const shape = `${theme.value} ${height} ${xLabel} ${series.map((own) => own.label + own.colour).join()}`;
  useEffect(() => {
    const { current } = host;
    if (!current) return;
    const mounted = mountPlot(
      current,
      {
        ...{ height, xLabel, yAxis: { size: 56, ...(yLabel && { label: yLabel, labelSize: 20 }) } },
        legend: { markers: { width: 0, fill: (_, at) => markerOf(series[at - 1]) } },
        series: [
          { label: xLabel, value: (_: uPlot, at: number | null) => at?.toLocaleString('en') ?? '–' },
          ...series.map((own) => ({
            ...{ label: own.label, stroke: colourOf(own.colour), width: own.width ?? 2, spanGaps: true },
            ...(own.dash && { dash: [...own.dash] }),
            points: { show: own.isSparse === true, size: 6, fill: colourOf(own.colour) },
            value: (_: uPlot, value: number | null) => (value === null ? '–' : value.toFixed(4)),
          })),
        ],
      },
      dataOf(x, series),
    );
    plot.current = mounted.plot;
    return mounted.remove;
  }, [shape]);
  useEffect(() => {
    const frame = requestAnimationFrame(() => plot.current?.setData(dataOf(x, series)));
    return () => cancelAnimationFrame(frame);
  }, [x, series]);
  // One curve alone is named by the sentence above it; several are told apart by the legend below them.
  const caption = <figcaption>{summary}</figcaption>;
  return (
    <figure class="chart">
      {series.length === 1 && caption}
      <div ref={host} role="img" aria-label={`${label}. ${summary}`} />
      {series.length > 1 && caption}
    </figure>
  );
}

/** The background of a marker in the legend. */
function markerOf(own: Series | undefined): string {
  const colour = own ? colourOf(own.colour) : 'transparent';
  return own?.dash ? `repeating-linear-gradient(90deg, ${colour} 0 5px, transparent 0 8px)` : colour;
}

function dataOf(x: readonly number[], series: readonly Series[]): uPlot.AlignedData {
  return [[...x], ...series.map(({ values }) => [...values])];
}
