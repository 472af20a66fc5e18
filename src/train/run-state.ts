/** What an iteration changes, on the engine: parameters, moments, carried state. It can be read out and set back. */
import type { Engine, FloatArray, Tensor } from '../engine/engine.ts';
import type { GoodState } from '../formats/checkpoint.ts';
import type { Network, NetworkState } from '../model/network.ts';
import type { Optimizer } from './optimizer.ts';

export class RunState {
  iteration = 0;
  learningRate = 0;
  /** The state that the next batch goes on from. */
  readonly carried: NetworkState;
  /** The carried state as it was before the last batch. */
  readonly #before: NetworkState;
  readonly #engine: Engine;
  readonly #network: Network;
  readonly #optimizer: Optimizer;

  constructor(engine: Engine, network: Network, optimizer: Optimizer) {
    this.#engine = engine;
    this.#network = network;
    this.#optimizer = optimizer;
    this.carried = network.makeState();
    this.#before = network.makeState();
  }

  /** Remembers the carried state before a batch. */
  markBatch(): void {
    this.#copy(this.carried, this.#before);
  }

  /** Sets the carried state back to what it was before the batch. */
  undoBatch(): void {
    this.#copy(this.#before, this.carried);
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
    this.learningRate = learningRate;
    this.#network.writeParameters(parameters);
    this.#optimizer.restore(moments, optimizerSteps);
    carriedState.forEach((state, layer) => {
      this.#engine.write(this.carried[layer] as Tensor, state);
    });
  }

  async #read(carried: NetworkState): Promise<GoodState> {
    const { iteration, learningRate } = this;
    const optimizerSteps = this.#optimizer.steps;
    // All are asked for before anything is waited for: what is enqueued meanwhile comes after.
    const [parameters, moments, carriedState] = await Promise.all([
      this.#network.readParameters(),
      this.#optimizer.readMoments(),
      Promise.all(carried.map(async (layer) => (await this.#engine.read(layer)) as FloatArray)),
    ]);
    return { iteration, learningRate, optimizerSteps, parameters, moments, carriedState };
  }

  #copy(from: NetworkState, to: NetworkState): void {
    from.forEach((layer, index) => {
      this.#engine.copy(layer, to[index] as Tensor);
    });
  }
}
