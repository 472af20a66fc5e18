/** The numbers on axes. */

/** The most ticks that an axis should have. */
const MOST = 8;

/**
 * Round numbers between two positive ones, for a logarithmic axis: multiples of one step, or 1, 2 and 5 times powers of ten, or powers of
 * ten only.
 */
export function logarithmicTicks(least: number, most: number): number[] {
  if (!(least > 0) || !(most > least)) return [];
  if (most / least < 10) return multiples(least, most);
  const [first, last] = [Math.floor(Math.log10(least)), Math.floor(Math.log10(most))];
  const powers = Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
  const factors = powers.length * 3 <= MOST + 2 ? [1, 2, 5] : [1];
  const skip = factors.length > 1 ? 1 : Math.ceil(powers.length / MOST);
  return powers
    .filter((_, at) => at % skip === 0)
    .flatMap((power) => factors.map((factor) => rounded(factor * power)))
    .filter((tick) => tick >= least && tick <= most);
}

function multiples(least: number, most: number): number[] {
  const rough = (most - least) / MOST;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) as number);
  const first = Math.ceil(least / step - 1e-9);
  const count = Math.floor(most / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, at) => rounded((first + at) * step));
}

/** Without the error of the multiplication. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
