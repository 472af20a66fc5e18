/** The temperature of a model's predictions: its logits are divided by it. */
import type { FloatArray } from '../engine/engine.ts';
import { parameterSlices } from '../engine/layout.ts';
import { layoutOf, type ModelConfig } from './config.ts';

/**
 * The model whose logits are those of `model`, divided by a temperature above 0: its decoder's weights and biases are divided by it.
 *
 * @returns `model` itself for a temperature of 1
 */
export function atTemperature<
  Model extends { readonly config: ModelConfig; readonly parameters: FloatArray },
>(model: Model, temperature: number): Model {
  if (temperature === 1) return model;
  const layout = layoutOf(model.config);
  const parameters = model.parameters.slice();
  for (const { module, offset, size } of parameterSlices(layout)) {
    if (module !== layout.length - 1) continue;
    for (let index = offset; index < offset + size; index++) {
      parameters[index] = (parameters[index] as number) / temperature;
    }
  }
  return { ...model, parameters };
}
