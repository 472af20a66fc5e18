/** Softmax and cross entropy, and the log-probabilities of single predictions. */
import { checkCrossEntropy, checkTensor } from '../checks.ts';
import type { CrossEntropy, Tensor } from '../engine.ts';
import { bufferIf, bufferOf, tokensOf } from './handles.ts';
import { floatBits, kernel } from './kernel.ts';
import { groupsOf } from './products.ts';
import type { Recorder } from './recorder.ts';
import { crossEntropy as crossEntropyShader, sumLosses } from './shaders/cross-entropy.ts';
import { LOG_SOFTMAX } from './shaders/log-softmax.ts';

export function crossEntropy(recorder: Recorder, call: CrossEntropy): void {
  const { positions, vocabularySize: V } = checkCrossEntropy(call);
  const targets = tokensOf(recorder, call.targets, V);
  const [logits, total] = [bufferOf(recorder, call.logits), bufferOf(recorder, call.loss)];
  const weights = bufferIf(recorder, call.positionWeights);
  const logProbabilities = bufferIf(recorder, call.logProbabilities);
  const gradient = bufferIf(recorder, call.gradient);
  // The total is the first element, and the losses follow it if they are wanted.
  const hasLosses = (call.loss.shape[0] as number) > 1;
  const losses = hasLosses ? total : recorder.scratch('losses', positions * 4);
  const first = hasLosses ? 1 : 0;
  const options = {
    hasWeights: weights !== undefined,
    hasLogProbabilities: logProbabilities !== undefined,
    gradient: gradient === undefined ? 'none' : gradient === logits ? 'in place' : 'separate',
  } as const;
  const present = (buffers: readonly (GPUBuffer | undefined)[]) =>
    buffers.filter((buffer) => buffer !== undefined);
  recorder.run(
    kernel(`cross entropy ${Object.values(options)}`, () => crossEntropyShader(options)),
    present([
      ...[logits, targets, losses, weights, logProbabilities],
      options.gradient === 'separate' ? gradient : undefined,
    ]),
    [positions, V, first, floatBits(call.gradientScale ?? 1)],
    groupsOf(positions, 1),
  );
  recorder.run(
    kernel(`sum of losses ${options.hasWeights} ${hasLosses}`, () =>
      sumLosses(options.hasWeights, hasLosses),
    ),
    present([hasLosses ? undefined : losses, total, weights]),
    [positions, first],
    [1],
  );
}

/** output [≥ N, V] = the log-probabilities of logits [1, N, V]. */
export function logSoftmax(recorder: Recorder, logits: Tensor, output: Tensor): void {
  checkTensor('logits', logits, 'float', [1, null, null]);
  const [, rows, V] = logits.shape as [number, number, number];
  recorder.run(
    kernel('log softmax', () => LOG_SOFTMAX),
    [bufferOf(recorder, logits), bufferOf(recorder, output)],
    [rows, V],
    groupsOf(rows, 1),
  );
}
