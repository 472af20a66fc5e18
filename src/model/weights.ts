/** A model's parameters in the memory of an engine. */
import type { Engine, NumberArray, Quantization, Vector } from '../engine/engine.ts';
import type { Layout } from '../engine/layout.ts';

/**
 * A vector with all parameters. The caller releases it.
 *
 * @param parameters In canonical order.
 * @param quantization Default: floats.
 * @throws {UnsupportedError} if int8 can't hold a parameter
 */
export function makeWeights(
  engine: Engine,
  layout: Layout,
  parameters: NumberArray,
  quantization?: Quantization,
): Vector {
  const weights = engine.vector(layout, quantization);
  engine.write(weights, parameters);
  return weights;
}
