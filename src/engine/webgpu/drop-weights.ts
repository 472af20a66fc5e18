/** Dropout on the weights of a matrix, with the masks of `dropout-mask.ts`. */
import { checkWeightDropout } from '../checks.ts';
import { dropoutKey, dropThreshold } from '../dropout-mask.ts';
import type { WeightDropout } from '../engine.ts';
import { forEach } from './dispatch.ts';
import { bufferOf } from './handles.ts';
import { floatBits } from './kernel.ts';
import type { Recorder } from './recorder.ts';
import { DROP_WEIGHTS } from './shaders/elements.ts';

export function dropWeights(recorder: Recorder, call: WeightDropout): void {
  const { offset, size, shape } = checkWeightDropout(call);
  const isTable = call.vector.layout[call.module]?.kind === 'embedding';
  forEach(recorder, 'drop weights', () => DROP_WEIGHTS, [bufferOf(recorder, call.vector)], size, [
    ...[shape[1] as number, offset, dropoutKey(call), dropThreshold(call.probability)],
    ...[floatBits(1 / (1 - call.probability)), call.drops === 'input' ? 1 : 0, isTable ? 1 : 0],
  ]);
}
