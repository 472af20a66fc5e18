/** The pieces of the live lines: bar, sparkline, time. */

/** A bar of `width` columns, filled by a fraction, to half a column. */
export function progressBar(fraction: number, width: number): string {
  const halves = Math.round(Math.min(1, Math.max(0, fraction)) * width * 2);
  const full = Math.floor(halves / 2);
  const half = halves % 2 === 1 ? '╸' : '';
  return '━'.repeat(full) + half + '─'.repeat(width - full - half.length);
}

const LEVELS = '▁▂▃▄▅▆▇█';

/** The course of some numbers in `width` columns: the mean of each stretch, between the least and the greatest. */
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

/** `6:02 left`, `3 h 05 min left`. */
export function timeLeft(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return '';
  const seconds = Math.round(milliseconds / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours} h ${two(minutes)} min left` : `${minutes}:${two(seconds % 60)} left`;
}

/** East Asian wide and fullwidth characters (UAX #11) and emoji. */
const WIDE =
  /^(?:[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation})$/u;

/** Columns that a text takes: two for East Asian wide characters and emoji, none for marks and joiners. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const char of text) if (!/^(?:\p{Mark}|\u200d)$/u.test(char)) columns += WIDE.test(char) ? 2 : 1;
  return columns;
}

/** A text cut to some columns, with control characters, which could move the cursor, made visible. */
export function clip(text: string, width: number): string {
  let columns = 0;
  let clipped = '';
  for (const char of text.replace(/\p{Control}/gu, '\ufffd')) {
    columns += columnsOf(char);
    if (columns > width) return `${clipped.slice(0, -1)}…`;
    clipped += char;
  }
  return clipped;
}

/** A text in lines of at most some columns, broken between words; a longer word is left whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    const longer = `${last} ${word}`;
    if (last !== undefined && columnsOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/**
 * The epoch in which a run ends, the same end that its percent and its time left speak of.
 *
 * @param iterations Of the whole run; `--max-iterations` can end it before `maxEpochs`.
 * @param epochLength Iterations in an epoch; undefined before the first.
 */
export function lastEpoch(maxEpochs: number, iterations: number, epochLength: number | undefined): string {
  const isWhole = epochLength === undefined || iterations >= Math.floor(maxEpochs * epochLength);
  return isWhole ? String(maxEpochs) : (iterations / epochLength).toFixed(1);
}
