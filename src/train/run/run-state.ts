/** The state that an iteration changes, kept on the engine: weights and their average, moments, carried state, counts; and the state that a run starts with. */

import type { GoodState, RunPosition, StabilityState, TrainingState } from '../../checkpoint/checkpoint.ts';
import { stateParts } from '../../engine/cells.ts';
import type { Engine, FloatArray, Tensor, Vector } from '../../engine/engine.ts';
import { type Layout, recurrentModules } from '../../engine/layout.ts';
import { floats } from '../../engine/precision.ts';
import { UPDATE_RULES } from '../../engine/update-rules.ts';
import { initialParameters } from '../../model/initial-parameters.ts';
import type { Network, NetworkState } from '../../model/network.ts';
import type { MersenneTwister } from '../../util/mersenne-twister.ts';
import type { TrainingOptions } from '../options.ts';
import type { LearningRates } from './learning-rate.ts';
import type { Optimizer } from './optimizer.ts';
import type { Schedule } from './schedule.ts';
import { WeightAverage } from './weight-average.ts';

export class RunState {
  /** Iterations whose figures have arrived. */
  iteration = 0;
  /** Iterations enqueued so far. */
  enqueued = 0;
  readonly weights: Vector;
  /** Undefined if the run keeps no average. */
  readonly #average: WeightAverage | undefined;
  /** Whether the average begins with the run. */
  readonly #averagesFromStart: boolean;
  /** The state of the network at the start of the next batch. */
  readonly carried: NetworkState;
  /** The carried state as it was before the batches of the last iteration. */
  readonly #before: NetworkState;
  readonly #engine: Engine;
  readonly #optimizer: Optimizer;
  readonly #schedule: Schedule;
  /** The learning rates from the state that was last written. */
  #rates: LearningRates | undefined;

  constructor(
    engine: Engine,
    network: Network,
    options: TrainingOptions,
    optimizer: Optimizer,
    schedule: Schedule,
  ) {
    this.#engine = engine;
    this.#optimizer = optimizer;
    this.#schedule = schedule;
    this.weights = engine.vector(network.layout);
    if (options.average !== 'none') this.#average = new WeightAverage(engine, network.layout, options);
    this.#averagesFromStart = options.average === 'ema';
    this.carried = network.makeState();
    this.#before = network.makeState();
  }

  /** The learning rate of the next iteration to be enqueued. */
  get learningRate(): number {
    return this.#rates?.at(this.enqueued) ?? 0;
  }

  /** Whether the run evaluates and saves an average of the weights. */
  get isAveraged(): boolean {
    return this.#average?.since !== undefined;
  }

  /** The average of the weights if there is one, otherwise the weights. */
  get parameters(): Vector {
    return this.#average && this.isAveraged ? this.#average.vector : this.weights;
  }

  /** Begins the average after the current iteration. Later iterations must not be enqueued yet. */
  beginAverage(): void {
    this.#average?.begin(this.iteration, this.weights);
  }

  /** Adds the weights to their average, after the update of an iteration. */
  addToAverage(iteration: number): void {
    this.#average?.add(iteration, this.weights);
  }

  /** Remembers the carried state before the batches of an iteration. */
  markBatches(): void {
    this.carried.forEach((layer, index) => {
      this.#engine.copy(layer, this.#before[index] as Tensor);
    });
  }

  /** Restores the carried state from before the iteration's batches, if the update was not applied. */
  undoBatchesUnlessApplied(): void {
    this.carried.forEach((layer, index) => {
      this.#engine.copyUnlessApplied(this.#optimizer.report, this.#before[index] as Tensor, layer);
    });
  }

  /** Reads the state after all iterations enqueued so far, with parameters and moments in canonical order. */
  read(): Promise<GoodState> {
    return this.#read(this.carried);
  }

  /** Reads the state before the last iteration. Its update must not be enqueued yet. */
  readBeforeBatches(): Promise<GoodState> {
    return this.#read(this.#before);
  }

  /** Sets the run to a state. */
  write(state: GoodState): void {
    const { iteration, learningRate, optimizerSteps, parameters, moments, carriedState, average } = state;
    this.iteration = iteration;
    this.enqueued = iteration;
    this.#rates = this.#schedule.learningRatesFrom({ iteration, learningRate });
    this.#engine.write(this.weights, average?.weights ?? parameters);
    this.#average?.restore(average?.since, parameters);
    if (this.#averagesFromStart && !average) this.beginAverage();
    this.#optimizer.restore(moments, optimizerSteps);
    carriedState.forEach((values, layer) => {
      this.#engine.write(this.carried[layer] as Tensor, values);
    });
  }

  async #read(carried: NetworkState): Promise<GoodState> {
    const { enqueued: iteration } = this;
    const since = this.#average?.since;
    const learningRate = this.#rates?.heldAt(this.enqueued) ?? 0;
    // All reads are enqueued before the first is awaited: later calls can't change what they return.
    const [optimizerSteps, parameters, weights, moments, carriedState] = await Promise.all([
      this.#optimizer.readSteps(),
      this.#engine.read(this.parameters),
      since === undefined ? undefined : this.#engine.read(this.weights),
      this.#optimizer.readMoments(),
      Promise.all(carried.map(async (layer) => (await this.#engine.read(layer)) as FloatArray)),
    ]);
    const average = since !== undefined && weights && { since, weights };
    return {
      ...{ iteration, learningRate, optimizerSteps, parameters, moments, carriedState },
      ...(average && { average }),
    };
  }
}

/** A start other than random parameters: given parameters, in canonical order, and, to resume a run, its training state. */
export interface RunStart {
  readonly parameters: FloatArray;
  readonly training?: TrainingState | undefined;
}

/**
 * The first state of a run: random parameters, the weights of another model, or the state of a checkpoint.
 *
 * @param generator Draws the random parameters.
 */
export function firstState(
  start: RunStart | undefined,
  layout: Layout,
  generator: MersenneTwister,
  options: TrainingOptions,
): GoodState {
  const { precision, learningRate } = options;
  if (start?.training) {
    const { iteration, moments, optimizerSteps, carriedState, average } = start.training;
    const position = { iteration, moments, optimizerSteps, carriedState, ...(average && { average }) };
    const rate = resumedRate(start.training, start.training, options);
    const state = { ...position, learningRate: rate, parameters: start.parameters };
    return resumedAverage(state, start.training, options);
  }
  const numbers = (length: number) => floats(precision, length);
  const given = start?.parameters ?? initialParameters(layout, generator, precision, options.init);
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

/** The carried state at the start of a text, all zero: [S, B, H] for each recurrent layer, in row-major order. */
export function zeroState(
  layout: Layout,
  { precision, batchSize }: Pick<TrainingOptions, 'precision' | 'batchSize'>,
): FloatArray[] {
  return recurrentModules(layout).map(({ cell, hiddenSize }) =>
    floats(precision, stateParts(cell) * batchSize * hiddenSize),
  );
}

/** The skips, retries and last good state of a resumed run, with the learning rate and the average that the options ask for. */
export function resumedStability(
  training: TrainingState,
  options: TrainingOptions,
): StabilityState | undefined {
  const { stability } = training;
  if (!stability?.good) return stability;
  const learningRate = resumedRate(stability.good, training, options);
  const good = resumedAverage({ ...stability.good, learningRate }, training, options);
  return { ...stability, good };
}

/** A stored state, without its average if the resumed run has another kind or none: then training continues from the weights alone. */
function resumedAverage(
  state: GoodState,
  { options: stored }: TrainingState,
  { average: kind }: TrainingOptions,
): GoodState {
  const { average, ...rest } = state;
  if (!average || stored.average === kind) return state;
  return { ...rest, parameters: average.weights };
}

/** The learning rate of a stored position, or the one given for the resumed run if it differs from the stored option. */
function resumedRate(
  position: RunPosition,
  { options: stored }: TrainingState,
  { learningRate }: TrainingOptions,
): number {
  return stored.learningRate === learningRate ? position.learningRate : learningRate;
}
