/** What an iteration changes, on the engine: parameters, moments, carried state. It can be read out and set back. */
import type { Engine, FloatArray, Tensor, Vector } from '../engine/engine.ts';
import type { GoodState } from '../formats/checkpoint.ts';
import type { Network, NetworkState } from '../model/network.ts';
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
