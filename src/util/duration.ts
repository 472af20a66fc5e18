/** Durations as people write them. */

/** A number above zero, and its unit. */
export const DURATION = /^(?!0+(?:\.0+)?[smh]$)(\d+(?:\.\d+)?)(s|m|h)$/;

const SECONDS = { s: 1, m: 60, h: 3600 } as const;

/** The seconds of a duration such as `90s`, `10m` or `1.5h`. It must match `DURATION`. */
export function parseDuration(text: string): number {
  const [, number, unit] = DURATION.exec(text) ?? [];
  if (number === undefined) throw new TypeError(`not a duration: ${text}`);
  return Number(number) * SECONDS[unit as keyof typeof SECONDS];
}
