/** A curve in bins, so that a page draws a few hundred points of a run with any number of iterations, and no spike is lost. */
import type { Curve, CurveAxis, Metric } from '../protocol.ts';
import type { RunSeries } from './run-columns.ts';
import { runningMean } from './running-mean.ts';

export interface BinsInput {
  readonly x: CurveAxis;
  /** Range of x, inclusive. */
  readonly from: number;
  readonly to: number;
  /** Maximum number of bins. */
  readonly bins: number;
  /** Weight of the previous mean in the running mean; 0: no smoothing. */
  readonly smoothing: number;
}

export type Bins = Pick<Curve, 'width' | 'x' | 'min' | 'max' | 'mean' | 'last' | 'smooth'>;

/** A running mean and the bins, both over all values of a metric. Takes a few milliseconds for 100,000 iterations. */
export function binsOf(series: RunSeries, metric: Metric, input: BinsInput): Bins {
  const { iterations } = series;
  const places: ArrayLike<number> = input.x === 'iteration' ? iterations : series.column(input.x);
  const values = series.column(metric);
  const first = firstAtLeast(places, input.from);
  const end = firstAbove(places, input.to);
  const smoothed = input.smoothing > 0 ? runningMean(values, input.smoothing) : values;
  const width = widthFor(iterations, first, end, input);
  const bins = new BinWriter(input.bins + 1);
  let sum = 0;
  let count = 0;
  let bin = -1;
  for (let row = first; row < end; row++) {
    const value = values[row] as number;
    if (!Number.isFinite(value)) continue;
    const place = Math.floor((iterations[row] as number) / width);
    if (place !== bin) {
      bins.begin(value);
      [sum, count, bin] = [0, 0, place];
    }
    sum += value;
    count++;
    bins.put(places[row] as number, value, sum / count, smoothed[row] as number);
  }
  return { width, ...bins.columns() };
}

/**
 * The smallest power of two that divides the range into few enough bins.
 *
 * A range that is given in iterations decides by itself, so that all runs in it have bins of the same width.
 */
function widthFor(
  iterations: Uint32Array,
  first: number,
  end: number,
  { x, from, to, bins }: BinsInput,
): number {
  const given = x === 'iteration' && Number.isFinite(to) ? to - Math.max(from, 0) + 1 : 0;
  const own = end > first ? (iterations[end - 1] as number) - (iterations[first] as number) + 1 : 1;
  let width = 1;
  while (Math.max(given, own) / width > bins) width *= 2;
  return width;
}

/** The row from which on all places are at least `x`. Places do not descend. */
function firstAtLeast(places: ArrayLike<number>, x: number): number {
  return partition(places, (place) => place >= x);
}

function firstAbove(places: ArrayLike<number>, x: number): number {
  return partition(places, (place) => place > x);
}

function partition(places: ArrayLike<number>, isAfter: (place: number) => boolean): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAfter(places[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The columns of bins while they are filled. */
class BinWriter {
  readonly #x: Float32Array<ArrayBuffer>;
  readonly #min: Float32Array<ArrayBuffer>;
  readonly #max: Float32Array<ArrayBuffer>;
  readonly #mean: Float32Array<ArrayBuffer>;
  readonly #last: Float32Array<ArrayBuffer>;
  readonly #smooth: Float32Array<ArrayBuffer>;
  #at = -1;

  constructor(size: number) {
    const column = () => new Float32Array(size);
    [this.#x, this.#min, this.#max] = [column(), column(), column()];
    [this.#mean, this.#last, this.#smooth] = [column(), column(), column()];
  }

  begin(value: number): void {
    this.#at++;
    this.#min[this.#at] = value;
    this.#max[this.#at] = value;
  }

  put(x: number, value: number, mean: number, smooth: number): void {
    const at = this.#at;
    if (value < (this.#min[at] as number)) this.#min[at] = value;
    if (value > (this.#max[at] as number)) this.#max[at] = value;
    this.#x[at] = x;
    this.#mean[at] = mean;
    this.#last[at] = value;
    this.#smooth[at] = smooth;
  }

  columns(): Omit<Bins, 'width'> {
    const cut = (column: Float32Array<ArrayBuffer>) => column.slice(0, this.#at + 1);
    return {
      ...{ x: cut(this.#x), min: cut(this.#min), max: cut(this.#max) },
      ...{ mean: cut(this.#mean), last: cut(this.#last), smooth: cut(this.#smooth) },
    };
  }
}
