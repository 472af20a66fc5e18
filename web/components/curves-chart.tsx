/** Curves of many runs together. Dragging zooms in and loads that range in full detail; a double click shows everything. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { Curve } from '../../src/ui/protocol.ts';
import { theme } from '../theme.ts';
import { mountPlot } from './plot.ts';

export interface ShownCurve {
  readonly label: string;
  readonly colour: string;
  readonly dash: readonly number[] | undefined;
  readonly curve: Curve;
  /** Whether it is drawn in front of the others. */
  readonly isPinned: boolean;
}

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
  readonly height: number;
}

/** Above this, finding the nearest curve at each move of the pointer takes too long. */
const MOST_WITH_FOCUS = 300;

export function CurvesChart(props: CurvesChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const { curves, range, xLabel, yLabel, isLogarithmic, height } = props;
  const shape = [
    ...[theme.value, isLogarithmic, xLabel, yLabel, height],
    ...curves.map(({ label, colour, isPinned }) => `${label} ${colour} ${isPinned}`),
  ].join('|');
  useEffect(() => {
    const { current } = host;
    if (!current) return;
    const hasFocus = latest.current.curves.length <= MOST_WITH_FOCUS;
    let nearest: number | undefined;
    const { plot: made, remove } = mountPlot(
      current,
      {
        ...{ height: latest.current.height, xLabel, yAxis: { label: yLabel, size: 60 } },
        yScale: isLogarithmic ? { distr: 3 } : {},
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false }, focus: { prox: hasFocus ? 24 : -1 } },
        focus: { alpha: 0.35 },
        series: [
          { label: xLabel },
          ...latest.current.curves.map((own) => ({
            ...{ label: own.label, stroke: own.colour, width: own.isPinned ? 3 : 1.5, spanGaps: true },
            ...(own.dash && { dash: [...own.dash] }),
            points: { show: own.curve.x.length < 40, size: 5 },
          })),
        ],
        hooks: {
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
            (_, index) => {
              nearest = index === null || index === 0 ? undefined : index - 1;
              latest.current.onHover(nearest);
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
  return <div ref={host} class="curves" />;
}

/** All curves on one x axis. */
function dataOf(curves: readonly ShownCurve[]): uPlot.AlignedData {
  if (curves.length === 0) return [[]];
  return uPlot.join(curves.map(({ curve }) => [Array.from(curve.x), Array.from(curve.smooth)]));
}
