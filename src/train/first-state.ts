/** The state that a run begins with: drawn by its seed, the weights of another model, or where it was when it was saved. */
import { stateParts } from '../engine/cells.ts';
import type { FloatArray } from '../engine/engine.ts';
import { type Layout, recurrentModules } from '../engine/layout.ts';
import { floats } from '../engine/precision.ts';
import { UPDATE_RULES } from '../engine/update-rules.ts';
import type { GoodState, RunPosition, StabilityState, TrainingState } from '../formats/checkpoint.ts';
import { initialParameters } from '../model/parameters.ts';
import type { MersenneTwister } from '../util/mersenne-twister.ts';
import type { TrainingOptions } from './options.ts';

/** What a run begins with instead of random parameters: others, in canonical order, and perhaps a whole state to go on from. */
export interface RunStart {
  readonly parameters: FloatArray;
  readonly training?: TrainingState | undefined;
}

/** @param generator Gives the parameters of a run that starts from nothing. */
export function firstState(
  start: RunStart | undefined,
  layout: Layout,
  generator: MersenneTwister,
  options: TrainingOptions,
): GoodState {
  const { precision, learningRate } = options;
  if (start?.training) {
    const { iteration, moments, optimizerSteps, carriedState } = start.training;
    const position = { iteration, moments, optimizerSteps, carriedState };
    const rate = resumedRate(start.training, start.training, options);
    return { ...position, learningRate: rate, parameters: start.parameters };
  }
  const numbers = (length: number) => floats(precision, length);
  const given = start?.parameters ?? initialParameters(layout, generator, precision);
  const parameters = numbers(given.length);
  parameters.set(given);
  return {
    parameters,
    iteration: 0,
    learningRate,
    optimizerSteps: 0,
    moments: Array.from({ length: UPDATE_RULES[options.optimizer].moments }, () => numbers(given.length)),
    carriedState: zeroState(layout, options),
  };
}

/** The carried state at the start of a text: of each recurrent layer, [S, B, H] in row-major order. */
export function zeroState(
  layout: Layout,
  { precision, batchSize }: Pick<TrainingOptions, 'precision' | 'batchSize'>,
): FloatArray[] {
  return recurrentModules(layout).map(({ cell, hiddenSize }) =>
    floats(precision, stateParts(cell) * batchSize * hiddenSize),
  );
}

/** How a resumed run has fared. */
export function resumedStability(
  training: TrainingState,
  options: TrainingOptions,
): StabilityState | undefined {
  const { stability } = training;
  if (!stability?.good) return stability;
  const learningRate = resumedRate(stability.good, training, options);
  return { ...stability, good: { ...stability.good, learningRate } };
}

/** The learning rate of a stored position, unless another one was given for the resumed run. */
function resumedRate(
  position: RunPosition,
  { options: stored }: TrainingState,
  { learningRate }: TrainingOptions,
): number {
  return stored.learningRate === learningRate ? position.learningRate : learningRate;
}
