/** Draws tokens on the device: what the host writes in advance, and the dispatch of a step. */
import type { Generate, Tensor } from '../engine.ts';
import { bufferIf, bufferOf, tensorOf } from './handles.ts';
import { kernel } from './kernel.ts';
import { groupsOf } from './products.ts';
import type { Recorder } from './recorder.ts';
import { draw as drawShader, EXCLUDED } from './shaders/draw.ts';

/** A step of N sequences. */
export interface DeviceDraw {
  readonly step: number;
  /** float [≥ N, V]: log-probabilities. */
  readonly predictions: Tensor;
  /** float [N]. */
  readonly temperatures: Tensor;
  /** int [steps, N]: in units of 2⁻³², as unsigned numbers. */
  readonly uniforms: Tensor;
  /** float [N, V]: added to the log-probabilities. */
  readonly biases?: Tensor | undefined;
  /** int [1, N]: receives the tokens, for the next step to read. */
  readonly tokens: Tensor;
  /** int [steps, N]: receives the tokens at this step. */
  readonly drawn: Tensor;
}

/** At this temperature all tokens are equally likely in float32, except those with the bias `EXCLUDED`. */
const MAX_TEMPERATURE = 1e20;

/** The numbers that all steps of a call of `generate` use, for tensors of `DeviceDraw`. */
export function drawNumbers(
  { rows, uniforms }: Pick<Generate, 'rows' | 'uniforms'>,
  V: number,
): { temperatures: Float32Array; uniforms: Int32Array; biases: Float32Array | undefined } {
  const biases = rows.some(({ controls }) => controls.logitBias)
    ? new Float32Array(rows.length * V)
    : undefined;
  rows.forEach(({ controls }, n) => {
    controls.logitBias?.forEach((bias, v) => {
      if (biases) biases[n * V + v] = Math.max(EXCLUDED, bias);
    });
  });
  return {
    temperatures: Float32Array.from(rows, ({ controls }) => Math.min(controls.temperature, MAX_TEMPERATURE)),
    uniforms: Int32Array.from(uniforms, (uniform) => Math.floor(uniform * 2 ** 32) | 0),
    biases,
  };
}

/** Draws a token for each sequence. */
export function drawTokens(recorder: Recorder, call: DeviceDraw): void {
  const [, N] = call.tokens.shape as [number, number];
  const [, V] = call.predictions.shape as [number, number];
  const biases = bufferIf(recorder, call.biases);
  const buffers = [call.predictions, call.temperatures, call.uniforms, call.tokens, call.drawn].map(
    (tensor) => bufferOf(recorder, tensor),
  );
  for (const tensor of [call.tokens, call.drawn])
    tensorOf(recorder, tensor).memory.range = { low: 0, high: V - 1 };
  recorder.run(
    kernel(biases ? 'draw with biases' : 'draw', () => drawShader(biases !== undefined)),
    biases ? [...buffers, biases] : buffers,
    [N, V, call.step],
    groupsOf(N, 1),
  );
}
