/** The rules of `Compute` bfloat16 and bfloat16-amx in exact arithmetic: a slow twin of native/kernels/bfloat16.h and bfloat16-blocks.h. */

/** Every number is a multiple of 2^-SCALE: a product of two bfloat16 numbers has its last bit at 2^-266 or above. */
const SCALE = 270;
const FRACTION_BITS = 23;
const SMALLEST_EXPONENT = -126;
const LARGEST_EXPONENT = 127;

const view = new DataView(new ArrayBuffer(8));

export function bitsOf(x: number): number {
  view.setFloat32(0, x);
  return view.getUint32(0);
}

export function floatOf(bits: number): number {
  view.setUint32(0, bits >>> 0);
  return view.getFloat32(0);
}

/** A float32 number as a bfloat16: rounded to nearest even, denormals to zero. */
export function toBfloat16(x: number): number {
  const bits = bitsOf(x);
  if (Number.isNaN(x)) return x;
  const isDenormal = (bits & 0x7f800000) === 0;
  const rounded = bits + 0x7fff + ((bits >>> 16) & 1);
  return floatOf((isDenormal ? bits & 0x80000000 : rounded) & 0xffff0000);
}

/** Denormals to zero of the same sign. */
function flushed(x: number): number {
  return Math.abs(x) < 2 ** SMALLEST_EXPONENT ? x * 0 : x;
}

/** A finite double as an integer in units of 2^-SCALE. */
function exact(x: number): bigint {
  if (x === 0) return 0n;
  const exponent = Math.max(-1000, Math.floor(Math.log2(Math.abs(x))) - 60);
  const mantissa = BigInt(x * 2 ** -exponent);
  const shift = BigInt(exponent + SCALE);
  return shift >= 0n ? mantissa << shift : mantissa >> -shift;
}

/** An integer in units of 2^-SCALE as a float32 number: rounded once, to nearest even; to zero if smaller than 2^-126 after that. */
function rounded(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  const length = magnitude.toString(2).length;
  const dropped = BigInt(Math.max(0, length - 1 - FRACTION_BITS));
  const half = dropped > 0n ? 1n << (dropped - 1n) : 0n;
  const rest = magnitude & ((1n << dropped) - 1n);
  let mantissa = magnitude >> dropped;
  if (dropped > 0n && (rest > half || (rest === half && mantissa % 2n === 1n))) mantissa++;
  const sign = value < 0n ? -1 : 1;
  const exponent = mantissa.toString(2).length - 1 + Number(dropped) - SCALE;
  if (exponent < SMALLEST_EXPONENT) return sign * 0;
  if (exponent > LARGEST_EXPONENT) return sign * Number.POSITIVE_INFINITY;
  return sign * Number(mantissa) * 2 ** (Number(dropped) - SCALE);
}

/** a·b + sum, rounded once; denormals count as zero. */
function multiplyAdd(a: number, b: number, sum: number): number {
  const product = a * b;
  if (!Number.isFinite(product) || !Number.isFinite(sum)) return Math.fround(product + sum);
  const total = exact(product) + exact(sum);
  // A sum that is exactly zero has the sign that the addition of doubles gives it.
  return total === 0n ? product + sum : rounded(total);
}

/** start + Σ a[k]·b[k] over an even number of steps: of each pair first the odd step, then the even one. */
export function pairProduct(start: number, a: readonly number[], b: readonly number[]): number {
  let sum = flushed(start);
  for (let k = 0; k < a.length; k += 2)
    for (const step of [k + 1, k])
      sum = multiplyAdd(toBfloat16(a[step] as number), toBfloat16(b[step] as number), sum);
  return sum;
}

/** a + b, rounded once; denormals count as zero. */
function add(a: number, b: number): number {
  const [x, y] = [flushed(a), flushed(b)];
  return Number.isFinite(x) && Number.isFinite(y) ? multiplyAdd(x, 1, y) : Math.fround(x + y);
}

/** start + Σ a[k]·b[k], in blocks of 32 steps: their even and their odd products are summed apart, from zero. */
export function blockProduct(start: number, a: readonly number[], b: readonly number[]): number {
  let sum = flushed(start);
  for (let block = 0; block < a.length; block += 32) {
    const sums = [0, 0];
    for (let k = block; k < Math.min(a.length, block + 32); k++)
      sums[k % 2] = multiplyAdd(
        toBfloat16(a[k] as number),
        toBfloat16(b[k] as number),
        sums[k % 2] as number,
      );
    sum = add(sum, add(sums[0] as number, sums[1] as number));
  }
  return sum;
}
