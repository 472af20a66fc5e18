/** Figures that are measured in several rounds. */
import { loadavg } from 'node:os';

/** The middle one, or the mean of the two in the middle; NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [below = Number.NaN, above = Number.NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 ? above : (below + above) / 2;
}

/** The load of the machine in the last 1, 5 and 15 minutes. */
export function loadText(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(', ');
}

/** A table of what takes as little as possible: the best and the median of the rounds, and the bar. */
export class BestAndMedian {
  readonly #figures = new Map<string, { readonly bar: string; readonly values: number[] }>();

  /** @param bar Such as `≤ 500 ms`; empty: none. */
  note(what: string, bar: string, value: number): void {
    const figure = this.#figures.get(what) ?? { bar, values: [] };
    figure.values.push(value);
    this.#figures.set(what, figure);
  }

  print(rounds: number): void {
    process.stdout.write(`load ${loadText()}; best of ${rounds}, and their median\n`);
    for (const [what, { bar, values }] of this.#figures) {
      const shown = [Math.min(...values), median(values)].map((value) => value.toFixed(0).padStart(7));
      process.stdout.write(`${what.padEnd(62)} ${shown.join(' ')}   ${bar}\n`);
    }
  }
}
