/** Parallel coordinates: an axis for each parameter and one for the loss, and a line for each trial. The stronger a line, the better its rank. */

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

export interface Axis {
  readonly title: string;
  /** From 0 at the bottom to 1; undefined for a line without a value here. */
  readonly place: (line: CoordinateLine) => number | undefined;
  readonly ticks: readonly { readonly place: number; readonly text: string }[];
}

export interface CoordinateLine {
  readonly id: number;
  /** For its tooltip. */
  readonly title: string;
  /** 1 for the best, 0 for the worst. */
  readonly strength: number;
  readonly isBest: boolean;
}

export interface ParallelCoordinatesProps {
  readonly axes: readonly Axis[];
  /** The best ones last: they are drawn over the others. */
  readonly lines: readonly CoordinateLine[];
  readonly chosen: number | undefined;
  readonly onChoose: (id: number) => void;
  /** One sentence that says what the chart shows. */
  readonly summary: string;
}

/** Pixels. The gap between two axes is at least this. */
const MIN_GAP = 118;
const SIDE = 56;
const TOP = 30;
const HEIGHT = 260;

export function ParallelCoordinates({ axes, lines, chosen, onChoose, summary }: ParallelCoordinatesProps) {
  const host = useRef<HTMLElement>(null);
  const room = useSignal(0);
  useEffect(() => {
    const { current } = host;
    if (!current) return;
    const observer = new ResizeObserver(() => {
      room.value = current.clientWidth;
    });
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  const gap = Math.max(MIN_GAP, (room.value - 2 * SIDE) / Math.max(1, axes.length - 1));
  const width = 2 * SIDE + gap * (axes.length - 1);
  const x = (axis: number) => SIDE + gap * axis;
  const y = (place: number) => TOP + HEIGHT * (1 - place);
  const inOrder = [...lines].sort((a, b) => Number(a.id === chosen) - Number(b.id === chosen));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to by keyboard too
    <section ref={host} class="coordinates" tabIndex={0} aria-label="Parallel coordinates">
      <svg width={width} height={TOP + HEIGHT + 16} role="img" aria-label={summary}>
        {axes.map(({ title }, at) => (
          <g key={title}>
            <line x1={x(at)} x2={x(at)} y1={y(0)} y2={y(1)} class="axis" />
            <text x={x(at)} y={14} text-anchor="middle" class="axis-title">
              {title}
            </text>
          </g>
        ))}
        {inOrder.map((line) => (
          <Line key={line.id} {...{ line, axes, x, y, onChoose }} isChosen={line.id === chosen} />
        ))}
        {axes.map(({ title, ticks }, at) =>
          ticks.map(({ place, text }) => (
            <text key={`${title} ${text}`} x={x(at) - 7} y={y(place) + 4} text-anchor="end" class="tick">
              {text}
            </text>
          )),
        )}
      </svg>
    </section>
  );
}

interface LineProps extends Pick<ParallelCoordinatesProps, 'axes' | 'onChoose'> {
  readonly line: CoordinateLine;
  readonly isChosen: boolean;
  readonly x: (axis: number) => number;
  readonly y: (place: number) => number;
}

function Line({ line, axes, isChosen, x, y, onChoose }: LineProps) {
  const points = axes.flatMap((axis, at) => {
    const place = axis.place(line);
    return place === undefined ? [] : [`${x(at)},${y(place).toFixed(1)}`];
  });
  const kind = isChosen ? 'chosen' : line.isBest ? 'best' : '';
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: in the table of trials, a button does the same
    <g onClick={() => onChoose(line.id)} class="trial-line">
      <title>{line.title}</title>
      {/* Wider than the line, so that a pointer meets it. */}
      <polyline points={points.join(' ')} class="target" />
      <polyline points={points.join(' ')} class={kind} stroke-opacity={0.12 + 0.6 * line.strength ** 2} />
    </g>
  );
}
