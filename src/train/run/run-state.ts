/** The state of a run: what an iteration changes, on the engine, from which it is read and to which it is set back; and how it begins. */

import type { GoodState, RunPosition, StabilityState, TrainingState } from '../../checkpoint/checkpoint.ts';
import { stateParts } from '../../engine/cells.ts';
import type { Engine, FloatArray, Tensor, Vector } from '../../engine/engine.ts';
import { type Layout, recurrentModules } from '../../engine/layout.ts';
import { floats } from '../../engine/precision.ts';
import { UPDATE_RULES } from '../../engine/update-rules.ts';
import type { Network, NetworkState } from '../../model/network.ts';
import { initialParameters } from '../../model/parameters.ts';
import type { MersenneTwister } from '../../util/mersenne-twister.ts';
import type { TrainingOptions } from '../options.ts';
import type { Optimizer } from './optimizer.ts';
import type { RateAt, Schedule } from './schedule.ts';

export class RunState {
  /** Iterations whose figures have arrived. */
  iteration = 0;
  /** Iterations that were enqueued. */
  enqueued = 0;
  readonly weights: Vector;
  /** The state that the next batch goes on from. */
  readonly carried: NetworkState;
  /** The carried state as it was before the last batch. */
  readonly #before: NetworkState;
  readonly #engine: Engine;
  readonly #optimizer: Optimizer;
  readonly #schedule: Schedule;
  /** From where the run was last set to. */
  #rateAt: RateAt = () => 0;

  constructor(engine: Engine, network: Network, optimizer: Optimizer, schedule: Schedule) {
    this.#engine = engine;
    this.#optimizer = optimizer;
    this.#schedule = schedule;
    this.weights = engine.vector(network.layout);
    this.carried = network.makeState();
    this.#before = network.makeState();
  }

  /** Of the next iteration that is enqueued. */
  get learningRate(): number {
    return this.#rateAt(this.enqueued);
  }

  /** Remembers the carried state before a batch. */
  markBatch(): void {
    this.carried.forEach((layer, index) => {
      this.#engine.copy(layer, this.#before[index] as Tensor);
    });
  }

  /** Sets the carried state back to what it was before the batch, if its update was not made. */
  undoBatchUnlessApplied(): void {
    this.carried.forEach((layer, index) => {
      this.#engine.copyUnlessApplied(this.#optimizer.report, this.#before[index] as Tensor, layer);
    });
  }

  /** Everything as it is now; parameters and moments in canonical order. */
  read(): Promise<GoodState> {
    return this.#read(this.carried);
  }

  /** The same as before the last batch, of which the update is not yet made. */
  readBeforeBatch(): Promise<GoodState> {
    return this.#read(this.#before);
  }

  write({ iteration, learningRate, optimizerSteps, parameters, moments, carriedState }: GoodState): void {
    this.iteration = iteration;
    this.enqueued = iteration;
    this.#rateAt = this.#schedule.learningRateFrom({ iteration, learningRate });
    this.#engine.write(this.weights, parameters);
    this.#optimizer.restore(moments, optimizerSteps);
    carriedState.forEach((state, layer) => {
      this.#engine.write(this.carried[layer] as Tensor, state);
    });
  }

  async #read(carried: NetworkState): Promise<GoodState> {
    const { iteration, learningRate } = this;
    // All are asked for before anything is waited for: what is enqueued meanwhile comes after.
    const [optimizerSteps, parameters, moments, carriedState] = await Promise.all([
      this.#optimizer.readSteps(),
      this.#engine.read(this.weights),
      this.#optimizer.readMoments(),
      Promise.all(carried.map(async (layer) => (await this.#engine.read(layer)) as FloatArray)),
    ]);
    return { iteration, learningRate, optimizerSteps, parameters, moments, carriedState };
  }
}

/** What a run begins with instead of random parameters: others, in canonical order, and perhaps a whole state to go on from. */
export interface RunStart {
  readonly parameters: FloatArray;
  readonly training?: TrainingState | undefined;
}

/**
 * The state that a run begins with: drawn by its seed, the weights of another model, or where it was when it was saved.
 *
 * @param generator Gives the parameters of a run that starts from nothing.
 */
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
