/** Numbers, sizes and times as people write them. */

/** With thousands separators: 1,115,394. */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}

/** A number of things: `1 layer`, `1,200 layers`. @param plural Default: with an s. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

/** Bytes in decimal units, to three digits: 1.12 MB. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${formatCount(Number(value.toFixed(digits)))} ${UNITS[unit]}`;
}

const FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** `500MB`, `2GB`, `1.5g`, `100000`. */
export const SIZE = /^(\d{1,15}(?:\.\d{1,3})?)\s?([kmgt]?)b?$/i;

/** The bytes that a string of the form `SIZE` means, in decimal units. */
export function parseSize(text: string): number {
  const [, number = '', unit = ''] = SIZE.exec(text) ?? [];
  return Math.floor(Number(number) * (FACTORS[unit.toLowerCase()] ?? Number.NaN));
}

/** In local time: `14:32` for today, else `27 November`, with the year if it is not this one. */
export function formatMoment(milliseconds: number, now = Date.now()): string {
  const [then, today] = [new Date(milliseconds), new Date(now)];
  const isThisYear = then.getFullYear() === today.getFullYear();
  if (isThisYear && then.getMonth() === today.getMonth() && then.getDate() === today.getDate()) {
    return then.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  }
  return then.toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'long',
    ...(!isThisYear && { year: 'numeric' }),
  });
}
