/** The order of two numbers, or of two strings by their UTF-16 units: for `sort`. Unlike a difference, it also orders infinite numbers. */
export function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
