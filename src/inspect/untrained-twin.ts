/** The network of a checkpoint before training, to compare the trained one with. */
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { FloatArray } from '../engine/engine.ts';
import { layoutOf } from '../model/config.ts';
import { initialParameters } from '../model/initial-parameters.ts';
import { INITS, type Init } from '../model/option-values.ts';
import { MersenneTwister } from '../util/mersenne-twister.ts';

/**
 * Parameters like those with which the run began: drawn with its seed and its kind of initial weights, if the checkpoint has them. In
 * canonical order.
 */
export function untrainedParameters({ config, precision, training, origin }: Checkpoint): FloatArray {
  const { seed, init } = training?.options ?? origin?.options ?? {};
  return initialParameters(
    layoutOf(config),
    new MersenneTwister(typeof seed === 'number' ? seed : 1),
    precision,
    isInit(init) ? init : 'original',
  );
}

function isInit(value: unknown): value is Init {
  return INITS.some((init) => init === value);
}
