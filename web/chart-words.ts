/** What a chart of curves shows, in words, for readers who can't see it. */
import type { Curve } from '../src/ui/protocol.ts';
import { capitalized } from '../src/util/capitalized.ts';

export interface ShownCurve {
  readonly label: string;
  readonly colour: string;
  /** Lengths of lines and gaps; empty: solid. */
  readonly dash: readonly number[];
  readonly curve: Curve;
  /** Whether it is drawn in front of the others. */
  readonly isPinned: boolean;
}

export interface ChartWords {
  readonly xLabel: string;
  readonly yLabel: string;
  readonly isLogarithmic: boolean;
}

/** `Training loss by iteration, from 1 to 500, of 3 curves. At the end, cv/gru is lowest with 1.532 and cv/rnn highest with 2.114.` */
export function chartWords(curves: readonly ShownCurve[], { xLabel, yLabel, isLogarithmic }: ChartWords) {
  const ends = curves
    .map(({ label, curve }) => ({ label, value: curve.smooth.at(-1) as number }))
    .filter(({ value }) => Number.isFinite(value))
    .sort((a, b) => a.value - b.value);
  const [from, to] = extentOf(curves) ?? [0, 0];
  const what = `${capitalized(yLabel)} by ${xLabel}, from ${figure(from)} to ${figure(to)}, of`;
  const [low, high] = [ends[0], ends.at(-1)];
  const pinned = curves.find(({ isPinned }) => isPinned);
  return [
    curves.length === 1 ? `${what} ${curves[0]?.label}.` : `${what} ${curves.length} curves.`,
    low && low === high && `It ends at ${figure(low.value)}.`,
    low &&
      high &&
      low !== high &&
      `At the end, ${low.label} is lowest with ${figure(low.value)} and ${high.label} highest with ${figure(high.value)}.`,
    pinned && curves.length > 1 && `${pinned.label} is pinned.`,
    isLogarithmic && 'The y axis is logarithmic.',
  ]
    .filter(Boolean)
    .join(' ');
}

/** The lowest and the highest x; undefined without a curve. */
export function extentOf(curves: readonly ShownCurve[]): readonly [number, number] | undefined {
  const ends = curves.flatMap(({ curve: { x } }) =>
    x.length > 0 ? [x[0] as number, x.at(-1) as number] : [],
  );
  return ends.length === 0 ? undefined : [Math.min(...ends), Math.max(...ends)];
}

/** Ends of a part that was chosen with the pointer, rounded to about a thousandth of it. */
export function roundedPart(from: number, to: number, isWhole: boolean): readonly [number, number] {
  const step = 10 ** Math.floor(Math.log10(Math.max(to - from, Number.MIN_VALUE)) - 2);
  const unit = isWhole ? Math.max(1, step) : step;
  const round = (value: number) => Number((Math.round(value / unit) * unit).toPrecision(12));
  const [first, last] = [round(from), round(to)];
  // A part within one iteration.
  return [first, last > first ? last : first + unit];
}

/** A number with about four digits. */
export function figure(value: number): string {
  return Math.abs(value) >= 1000
    ? Math.round(value).toLocaleString('en')
    : String(Number(value.toPrecision(4)));
}
