/** The initial parameters of a new model. */
import { cellFacts } from '../engine/cells.ts';
import type { FloatArray, Precision } from '../engine/engine.ts';
import {
  type Layout,
  type Module,
  type ParameterSlice,
  parameterCount,
  parameterSlices,
} from '../engine/layout.ts';
import type { MersenneTwister } from '../util/mersenne-twister.ts';
import type { Init } from './option-values.ts';
import { originalPieces } from './original-order.ts';

/** The original's initial parameters are uniform in ± this. Another number would change every seed's results. */
const ORIGINAL_RANGE = 0.08;
/** A uniform number in ± this has variance 1. */
const UNIT_RANGE = Math.sqrt(3);

/**
 * Initial parameters, in canonical order. They are drawn in double precision, and rounded for float32.
 *
 * - `original`: uniform in ± 0.08, in the original's order, and its forget biases.
 * - `pytorch`: uniform in ± 1/√(hidden units), or 1/√inputs in the decoder, as in nn.LSTM and nn.Linear. An embedding has variance 1, as
 *   nn.Embedding, but is uniform: a normal distribution needs logarithms, whose last bits differ between engines of JavaScript.
 * - `scaled`: as `pytorch`, but the weights of tokens in ± 1, forget biases 1 and other biases 0. With one-hot input, ± 1/√H gives sums far
 *   smaller than the recurrent ones.
 */
export function initialParameters(
  layout: Layout,
  generator: MersenneTwister,
  precision: Precision = 'float64',
  init: Init = 'original',
): FloatArray {
  const count = parameterCount(layout);
  const parameters = precision === 'float64' ? new Float64Array(count) : new Float32Array(count);
  if (init === 'original') drawOriginal(layout, generator, parameters);
  else {
    for (const slice of parameterSlices(layout)) {
      draw(parameters, slice, generator, rangeOf(layout[slice.module] as Module, slice, init));
    }
  }
  if (init !== 'pytorch') setInitialBiases(layout, parameters);
  return parameters;
}

/** In the original, every linear map first draws weights that are then overwritten. So as many draws are skipped here. */
function drawOriginal(layout: Layout, generator: MersenneTwister, parameters: FloatArray): void {
  generator.skip(parameters.length);
  for (const piece of originalPieces(layout)) draw(parameters, piece, generator, ORIGINAL_RANGE);
}

function draw(
  parameters: FloatArray,
  { offset, size }: { readonly offset: number; readonly size: number },
  generator: MersenneTwister,
  range: number,
): void {
  for (let i = offset; i < offset + size; i++) {
    parameters[i] = generator.nextUniform() * (2 * range) - range;
  }
}

/** The parameters of a tensor are uniform in ± this. */
function rangeOf(module: Module, { name, shape }: ParameterSlice, init: 'pytorch' | 'scaled'): number {
  if (module.kind === 'embedding') return UNIT_RANGE;
  if (init === 'scaled' && shape.length === 1) return 0;
  if (module.kind === 'linear') return 1 / Math.sqrt(module.inputSize);
  const readsTokens = name === 'weight_ih' && module.input === 'tokens';
  return init === 'scaled' && readsTokens ? 1 : 1 / Math.sqrt(module.hiddenSize);
}

/** Sets the input biases of gates that start with a fixed value (`initialBias` in `CELLS`). */
function setInitialBiases(layout: Layout, parameters: FloatArray): void {
  for (const slice of parameterSlices(layout)) {
    const module = layout[slice.module];
    if (module?.kind !== 'recurrent' || slice.name !== 'bias_ih') continue;
    const { gates, initialBias } = cellFacts(module.cell);
    if (!initialBias) continue;
    const at = slice.offset + gates.indexOf(initialBias.gate) * module.hiddenSize;
    parameters.fill(initialBias.value, at, at + module.hiddenSize);
  }
}
