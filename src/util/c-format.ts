/** Numbers as C's printf writes them, for lines that other programs read. */

/** `%.<digits>f`. */
export function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : special(value);
}

/** `%.<digits>e`: unlike JavaScript's, the exponent has at least two digits. */
export function exponential(value: number, digits: number): string {
  if (!Number.isFinite(value)) return special(value);
  return value.toExponential(digits).replace(/e([+-])(\d)$/, 'e$10$2');
}

function special(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  return value > 0 ? 'inf' : '-inf';
}
