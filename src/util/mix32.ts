/** A hash of 32-bit integers, with the constants of C. Wellons' "lowbias32" (2018, public domain). */

/** A bijection of 32-bit integers. Changing one input bit changes each output bit with a probability of about one half. */
export function mix32(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
