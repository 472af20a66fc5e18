/** A cosine with the same bits in every engine of JavaScript, whose own Math.cos may differ in the last bit. */

/** Enough terms for an error below 1e-16 up to π/2. */
const TERMS = 12;

/** cos(π x), for x from 0 to 1, by its Taylor series. */
export function cosineOfPi(x: number): number {
  if (x > 0.5) return -cosineOfPi(1 - x);
  const square = Math.PI * x * (Math.PI * x);
  let sum = 1;
  // From the last term inwards: 1 − θ²/(1·2) · (1 − θ²/(3·4) · (…)).
  for (let term = TERMS; term > 0; term--) sum = 1 - (square / ((2 * term - 1) * (2 * term))) * sum;
  return sum;
}
