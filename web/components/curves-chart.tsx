/**
 * Curves of many runs, with a sentence for readers who can't see them. Drag to show a part of the x axis; double-click to show all of it.
 */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { chartWords, figure, type ShownCurve } from '../chart-words.ts';
import { theme } from '../theme.ts';
import { mountPlot } from './plot.ts';

export interface CurvesChartProps {
  readonly curves: readonly ShownCurve[];
  readonly xLabel: string;
  readonly yLabel: string;
  readonly isLogarithmic: boolean;
  readonly range: readonly [number, number] | undefined;
  readonly onZoom: (range: readonly [number, number] | undefined) => void;
  /** Called with the index of the nearest curve. */
  readonly onHover: (index: number | undefined) => void;
  readonly onPick: (index: number) => void;
  /** What the pointer can do, shown while it is not near a curve. */
  readonly hint: string;
  readonly height: number;
}

const MOST_POINTS = 40;
const canHover = matchMedia('(hover: hover)').matches;
/** Above this, finding the nearest curve at each move of the pointer takes too long. */
const MOST_WITH_FOCUS = 300;

export function CurvesChart(props: CurvesChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const caption = useRef<HTMLElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const { curves, range, xLabel, yLabel, isLogarithmic, height } = props;
  const shape = [
    ...[theme.value, isLogarithmic, xLabel, yLabel, height],
    ...curves.map(({ label, colour, dash, isPinned }) => `${label} ${colour} ${dash} ${isPinned}`),
  ].join('|');
  useEffect(() => {
    const { current } = host;
    if (!current) return;
    /** Points are drawn while a curve has few of them. */
    const isShort = (_: uPlot, series: number) =>
      (latest.current.curves[series - 1]?.curve.x.length ?? 0) < MOST_POINTS;
    const hasFocus = latest.current.curves.length <= MOST_WITH_FOCUS;
    let nearest: number | undefined;
    const describe = (chart: uPlot) => {
      const { cursor } = chart;
      const curve = nearest === undefined ? undefined : latest.current.curves[nearest];
      if (!caption.current) return;
      const place = chart.posToVal(cursor.left ?? 0, 'x');
      const hint = canHover ? latest.current.hint : '';
      caption.current.textContent = curve ? valueNear(curve, place, latest.current) : hint;
    };
    const { plot: made, remove } = mountPlot(
      current,
      {
        ...{ height: latest.current.height, xLabel, yAxis: { label: yLabel, size: 60 } },
        isLogarithmic,
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false }, focus: { prox: hasFocus ? 24 : -1 } },
        focus: { alpha: 0.35 },
        series: [
          { label: xLabel },
          ...latest.current.curves.map((own) => ({
            ...{ label: own.label, stroke: own.colour, width: own.isPinned ? 3 : 1.5, spanGaps: true },
            ...(own.dash.length > 0 && { dash: [...own.dash] }),
            points: { show: isShort, size: 5 },
          })),
        ],
        hooks: {
          setCursor: [describe],
          setSelect: [
            (chart) => {
              const { left, width } = chart.select;
              if (width < 5) return;
              const range = [chart.posToVal(left, 'x'), chart.posToVal(left + width, 'x')] as const;
              chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              latest.current.onZoom(range);
            },
          ],
          setSeries: [
            (chart, index) => {
              nearest = index === null || index === 0 ? undefined : index - 1;
              latest.current.onHover(nearest);
              describe(chart);
            },
          ],
        },
      },
      dataOf(latest.current.curves),
    );
    made.over.addEventListener('dblclick', () => latest.current.onZoom(undefined));
    made.over.addEventListener('click', () => {
      if (nearest !== undefined) latest.current.onPick(nearest);
    });
    plot.current = made;
    describe(made);
    return remove;
  }, [shape]);
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      const { current } = plot;
      if (!current) return;
      // Not the latest curves: a later rendering may have more or fewer of them than this chart.
      current.setData(dataOf(curves), range === undefined);
      if (range) current.setScale('x', { min: range[0], max: range[1] });
    });
    return () => cancelAnimationFrame(frame);
  }, [curves, range]);
  return (
    <figure class="chart">
      <div ref={host} role="img" aria-label={chartWords(curves, props)} />
      <figcaption ref={caption} aria-hidden="true" />
    </figure>
  );
}

/** `cv/gru: 1.532 at iteration 400`. */
function valueNear({ label, curve }: ShownCurve, place: number, { xLabel }: CurvesChartProps): string {
  const distance = (at: number) => Math.abs((curve.x[at] as number) - place);
  let nearest = 0;
  for (let at = 1; at < curve.x.length; at++) if (distance(at) < distance(nearest)) nearest = at;
  return `${label}: ${figure(curve.smooth[nearest] as number)} at ${xLabel} ${figure(curve.x[nearest] as number)}`;
}

/** All curves on one x axis. */
function dataOf(curves: readonly ShownCurve[]): uPlot.AlignedData {
  if (curves.length === 0) return [[]];
  return uPlot.join(curves.map(({ curve }) => [Array.from(curve.x), Array.from(curve.smooth)]));
}
