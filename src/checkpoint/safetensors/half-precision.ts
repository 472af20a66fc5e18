/** Floating-point numbers of 16 bits, in which files can store parameters. The engines compute in float32 or float64. */
import type { FloatArray } from '../../engine/engine.ts';
import { HALF_PRECISIONS, type HalfPrecision } from '../stored-precision.ts';

export function isHalf(precision: string): precision is HalfPrecision {
  return (HALF_PRECISIONS as readonly string[]).includes(precision);
}

/** One sign bit, then the exponent, then the fraction. */
interface HalfFormat {
  readonly fractionBits: number;
  /** Exponents of the smallest and the largest normal numbers. */
  readonly minExponent: number;
  readonly maxExponent: number;
  readonly read: (bits: number) => number;
}

/** IEEE 754 binary16, and bfloat16: the upper half of a float32. */
const FORMATS: Readonly<Record<HalfPrecision, HalfFormat>> = {
  float16: { fractionBits: 10, minExponent: -14, maxExponent: 15, read: fromFloat16 },
  bfloat16: { fractionBits: 7, minExponent: -126, maxExponent: 127, read: fromBfloat16 },
};

/** The largest finite number: 65,504 for float16, 3.39e38 for bfloat16. */
export function largestHalf(precision: HalfPrecision): number {
  const { fractionBits, maxExponent } = FORMATS[precision];
  return (2 - 2 ** -fractionBits) * 2 ** maxExponent;
}

/** The bits of the nearest numbers, ties to an even fraction. Numbers that are too large become infinite. */
export function toHalf(values: FloatArray, precision: HalfPrecision): Uint16Array {
  const format = FORMATS[precision];
  return Uint16Array.from(values, (value) => halfBits(value, format));
}

/** The inverse of `toHalf`. float32 can represent every half-precision number. */
export function fromHalf(bits: Uint16Array, precision: HalfPrecision): Float32Array<ArrayBuffer> {
  return Float32Array.from(bits, FORMATS[precision].read);
}

/** The bits of the IEEE 754 half nearest to a number, rounded like those of `toHalf`. */
export function toFloat16(value: number): number {
  return halfBits(value, FORMATS.float16);
}

function halfBits(value: number, { fractionBits, minExponent, maxExponent }: HalfFormat): number {
  const infinity = (maxExponent - minExponent + 2) * 2 ** fractionBits;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return infinity + 1;
  if (size === Number.POSITIVE_INFINITY) return sign + infinity;
  // Subnormal numbers have the spacing of the smallest normal ones.
  const exponent = Math.max(Math.floor(Math.log2(size)), minExponent);
  const units = roundToEven(size * 2 ** (fractionBits - exponent));
  // A normal number has at least 2^fractionBits units, which add 1 to the exponent. So does rounding up to a power of two.
  return sign + Math.min(units + (exponent - minExponent) * 2 ** fractionBits, infinity);
}

/** Doubles of this size have no fraction, so adding it to a smaller one rounds that to an integer, ties to even. */
const NO_FRACTION = 2 ** 52;

function roundToEven(value: number): number {
  return value + NO_FRACTION - NO_FRACTION;
}

/** A number from the bits of an IEEE 754 half: 1 sign bit, 5 exponent bits, 10 fraction bits. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const float32Bits = new Uint32Array(1);
const float32Value = new Float32Array(float32Bits.buffer);

/** A number from the bits of a bfloat16: 1 sign bit, 8 exponent bits, 7 fraction bits. */
function fromBfloat16(bits: number): number {
  float32Bits[0] = bits * 0x10000;
  return float32Value[0] as number;
}
