/** The parts of the live lines: bar, sparkline, last epoch. */

/** A bar of `width` columns, filled up to a fraction, with a precision of half a column. */
export function progressBar(fraction: number, width: number): string {
  const halves = Math.round(Math.min(1, Math.max(0, fraction)) * width * 2);
  const full = Math.floor(halves / 2);
  const half = halves % 2 === 1 ? '╸' : '';
  return '━'.repeat(full) + half + '─'.repeat(width - full - half.length);
}

const LEVELS = '▁▂▃▄▅▆▇█';

/** A plot of numbers in at most `width` columns: each column shows the mean of its values, scaled between the smallest and the largest mean. */
export function sparkline(values: readonly number[], width: number): string {
  const columns = Math.min(width, values.length);
  const means = Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * values.length) / columns);
    const to = Math.floor(((column + 1) * values.length) / columns);
    const stretch = values.slice(from, to);
    return stretch.reduce((sum, value) => sum + value, 0) / stretch.length;
  });
  const least = Math.min(...means);
  const range = Math.max(...means) - least || 1;
  return means.map((mean) => LEVELS[Math.min(7, Math.floor(((mean - least) / range) * 8))] ?? ' ').join('');
}

/**
 * The epoch in which a run ends, consistent with its percentage and its time left.
 *
 * @param iterations Iterations of the whole run; `--max-iterations` can end it before `maxEpochs`.
 * @param epochLength Iterations in an epoch; undefined before the first.
 */
export function lastEpoch(maxEpochs: number, iterations: number, epochLength: number | undefined): string {
  const isWhole = epochLength === undefined || iterations >= Math.floor(maxEpochs * epochLength);
  return isWhole ? String(maxEpochs) : (iterations / epochLength).toFixed(1);
}
