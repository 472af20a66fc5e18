/** A hash of 32-bit integers (constants of C. Wellons' "lowbias32", 2018, public domain). */

/** One round: a bijection of 32-bit integers in which every input bit changes each output bit about half the time. */
export function mix32(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
