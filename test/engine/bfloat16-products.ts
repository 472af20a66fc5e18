/** Products in bfloat16 of numbers for which rounding is difficult. */
import type { Compute, Engine } from '../../src/engine/engine.ts';
import type { Layout } from '../../src/engine/layout.ts';
import { MersenneTwister } from '../../src/util/mersenne-twister.ts';
import { floatOf } from './exact-product.ts';

export const [R, H, V] = [13, 35, 21];
/** The kernels pad the inputs with zeros to a multiple of 16. */
export const PADDED = 48;
export const LAYOUT: Layout = [{ kind: 'linear', name: 'decoder', inputSize: H, outputSize: V }];

/** Numbers near 1; numbers whose products are near the smallest normal number; special ones, and large ones whose sums overflow. */
export const RANGES: Readonly<Record<string, (random: MersenneTwister, isFactor: boolean) => number>> = {
  ordinary: (random) => random.nextUniform() * 4 - 2,
  tiny(random, isFactor) {
    const low = isFactor ? 127 - 66 : 0;
    const exponent = low + Math.floor(random.nextUniform() * 8);
    return floatOf(exponent * 2 ** 23 + Math.floor(random.nextUniform() * 2 ** 23) + signBit(random));
  },
  // Cancels bits, so that many sums come within a few units of the smallest normal number.
  'near 2⁻¹²⁶'(random, isFactor) {
    if (!isFactor) return floatOf(0x00800000 + Math.floor(random.nextUniform() * 3) + signBit(random));
    const exponent = 127 - 76 + Math.floor(random.nextUniform() * 3);
    return floatOf(exponent * 2 ** 23 + signBit(random));
  },
  special(random) {
    const kind = random.nextUniform();
    const infinite = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
    const large = [3.4e38, -3.4e38, 1.7e19, -2e19];
    const small = [0, -0, 1e-40, -1e-40, 2 ** -126, -(2 ** -126), 1, -1];
    const from = kind < 0.003 ? infinite : kind < 0.04 ? large : small;
    return from[Math.floor(random.nextUniform() * from.length)] as number;
  },
};
const signBit = (random: MersenneTwister) => (random.nextUniform() < 0.5 ? 0 : 2 ** 31);

export function drawFactors(range: string) {
  const random = new MersenneTwister(11);
  const draw = RANGES[range] as (random: MersenneTwister, isFactor: boolean) => number;
  const numbers = (count: number, isFactor: boolean) =>
    Float32Array.from({ length: count }, () => draw(random, isFactor));
  return { matrix: numbers(V * H, true), bias: numbers(V, false), input: numbers(R * H, true) };
}

/** [R, V]: input · Wᵀ + b in bfloat16. Closes the engine. */
export async function products(
  engine: Engine,
  range: string,
  compute: Compute = 'bfloat16',
): Promise<Float32Array> {
  const { matrix, bias, input } = drawFactors(range);
  const weights = engine.vector(LAYOUT);
  engine.write(weights, [...matrix, ...bias]);
  const [x, y] = [engine.tensor('float', [1, R, H]), engine.tensor('float', [1, R, V])];
  engine.write(x, input);
  engine.linearForward({ weights, module: 0, input: x, output: y, compute });
  const output = (await engine.read(y)) as Float32Array;
  await engine.close();
  return output;
}
