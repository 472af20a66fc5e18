/** Formats numbers like C's printf, for lines that other programs read. */

/** `%.<digits>f`. */
export function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : special(value);
}

/** `%.<digits>e`. Unlike in JavaScript, the exponent has at least two digits. */
export function exponential(value: number, digits: number): string {
  if (!Number.isFinite(value)) return special(value);
  return value.toExponential(digits).replace(/e([+-])(\d)$/, 'e$10$2');
}

/** `%.<digits>g`: the shorter of the two, with this many significant digits but without trailing zeros. */
export function general(value: number, digits: number): string {
  if (!Number.isFinite(value)) return special(value);
  const scientific = exponential(value, digits - 1);
  const [mantissa = '', exponent = ''] = scientific.split('e');
  const power = Number(exponent);
  if (power < -4 || power >= digits) return `${withoutZeros(mantissa)}e${exponent}`;
  const sign = Object.is(value, -0) ? '-' : '';
  return sign + withoutZeros(value.toFixed(digits - 1 - power));
}

function withoutZeros(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
}

function special(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  return value > 0 ? 'inf' : '-inf';
}
