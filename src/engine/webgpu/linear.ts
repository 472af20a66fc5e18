/** The decoder and the embedding. */
import { checkEmbedding, checkLinear, checkSameLayout, checkTensor, moduleOf } from '../checks.ts';
import type {
  EmbeddingBackward,
  EmbeddingForward,
  LinearBackward,
  LinearForward,
  Vector,
} from '../engine.ts';
import { parameterSlice } from '../layout.ts';
import { forEach } from './dispatch.ts';
import { bufferOf, tokensOf } from './handles.ts';
import { kernel } from './kernel.ts';
import { columnSums, multiply, multiplyPositions, sumByToken, sumSlices } from './products.ts';
import type { Recorder } from './recorder.ts';
import { COLUMN_SLICES } from './shaders/column-sums.ts';
import { EMBED } from './shaders/elements.ts';
import { EMBEDDING_GRADIENT } from './shaders/token-sums.ts';

/** The offset of a parameter tensor in its vector. */
function offsetIn({ layout }: Vector, module: number, name: 'weight' | 'bias'): number {
  return parameterSlice(layout, module, name)?.offset ?? 0;
}

/** output = input · Wᵀ + b. */
export function linearForward(recorder: Recorder, call: LinearForward): void {
  const module = moduleOf(call.weights, call.module, 'linear');
  const positions = checkLinear(call, module);
  const { inputSize: H, outputSize: V } = module;
  const weights = bufferOf(recorder, call.weights);
  const buffers = {
    a: bufferOf(recorder, call.input),
    b: weights,
    c: bufferOf(recorder, call.output),
    biases: weights,
  };
  multiply(recorder, { transposeB: true, biases: 1 }, buffers, {
    ...{ m: positions, n: V, k: H, rowA: H, rowB: H, rowC: V },
    ...{
      offsetB: offsetIn(call.weights, call.module, 'weight'),
      bias: offsetIn(call.weights, call.module, 'bias'),
    },
  });
}

/** dW = dYᵀ · X, db = Σ dY, dX = dY · W. */
export function linearBackward(recorder: Recorder, call: LinearBackward): void {
  const module = moduleOf(call.weights, call.module, 'linear');
  const positions = checkLinear({ input: call.input, output: call.outputGradient }, module);
  if (call.inputGradient) checkTensor('inputGradient', call.inputGradient, 'float', call.input.shape);
  checkSameLayout(call.weights, call.gradient);
  const { inputSize: H, outputSize: V } = module;
  const [dY, gradient] = [bufferOf(recorder, call.outputGradient), bufferOf(recorder, call.gradient)];
  const weightAt = offsetIn(call.weights, call.module, 'weight');
  multiplyPositions(
    recorder,
    undefined,
    { a: dY, b: bufferOf(recorder, call.input), c: gradient },
    { m: V, n: H, k: positions, rowA: V, rowB: H, offsetC: weightAt },
  );
  const sums = columnSums(recorder, dY, positions, V);
  const biasAt = offsetIn(call.weights, call.module, 'bias');
  sumSlices(recorder, sums, COLUMN_SLICES, { into: gradient, offset: biasAt, size: V });
  if (!call.inputGradient) return;
  const buffers = { a: dY, b: bufferOf(recorder, call.weights), c: bufferOf(recorder, call.inputGradient) };
  multiply(recorder, {}, buffers, { m: positions, n: H, k: V, rowA: V, rowB: H, rowC: H, offsetB: weightAt });
}

export function embeddingForward(recorder: Recorder, call: EmbeddingForward): void {
  const module = moduleOf(call.weights, call.module, 'embedding');
  checkEmbedding(call.tokens, 'output', call.output, module);
  const { vocabularySize: V, outputSize: D } = module;
  const tokens = tokensOf(recorder, call.tokens, V);
  const [weights, output] = [bufferOf(recorder, call.weights), bufferOf(recorder, call.output)];
  const [steps, rows] = call.tokens.shape as [number, number];
  forEach(recorder, 'embed', () => EMBED, [weights, tokens, output], steps * rows * D, [
    ...[D, offsetIn(call.weights, call.module, 'weight')],
  ]);
}

export function embeddingBackward(recorder: Recorder, call: EmbeddingBackward): void {
  const module = moduleOf(call.gradient, call.module, 'embedding');
  checkEmbedding(call.tokens, 'outputGradient', call.outputGradient, module);
  const { vocabularySize, outputSize: units } = module;
  const tokens = tokensOf(recorder, call.tokens, vocabularySize);
  const buffers = [bufferOf(recorder, call.outputGradient), tokens, bufferOf(recorder, call.gradient)];
  const [steps, rows] = call.tokens.shape as [number, number];
  const table = offsetIn(call.gradient, call.module, 'weight');
  sumByToken(
    recorder,
    kernel('embedding gradient', () => EMBEDDING_GRADIENT),
    buffers,
    { positions: steps * rows, units, vocabularySize, table },
  );
}
