/** Sizes as people type them. */

const FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** `500MB`, `2GB`, `1.5g`, `100000`. */
export const SIZE = /^(\d{1,15}(?:\.\d{1,3})?)\s?([kmgt]?)b?$/i;

/** The bytes that a text of the form `SIZE` means, in decimal units. */
export function parseSize(text: string): number {
  const [, number = '', unit = ''] = SIZE.exec(text) ?? [];
  return Math.floor(Number(number) * (FACTORS[unit.toLowerCase()] ?? Number.NaN));
}
