/**
 * Dynamic evaluation (Krause et al. 2018): the weights adapt to the text while it is read.
 *
 * The model predicts each block of tokens before it learns from them, so it never predicts a token that it has seen: the losses are
 * comparable to those of fixed weights. An update divides the gradient by the root of its running mean square (Adam without momentum). A
 * decay towards the original weights keeps what the model knew before.
 */
import type { Batch, TokenSource } from '../data/batches/batches.ts';
import {
  type Engine,
  type FloatArray,
  type NumberArray,
  type Tensor,
  UPDATE_REPORT_LENGTH,
  type Vector,
} from '../engine/engine.ts';
import { UPDATE_RULES } from '../engine/update-rules.ts';
import type { ModelConfig } from '../model/config.ts';
import { Network, type NetworkState } from '../model/network.ts';
import { TurnTaker } from '../util/event-loop.ts';
import { packSequences } from './pack-sequences.ts';
import type { Sequence } from './sequences.ts';
import { sumOf } from './summary.ts';

export interface DynamicScoring {
  readonly engine: Engine;
  readonly config: ModelConfig;
  /** In canonical order. */
  readonly parameters: NumberArray;
  readonly tokens: TokenSource;
  /** Read one after the other. Each starts with the original weights. */
  readonly sequences: readonly Sequence[];
  readonly learningRate: number;
  readonly signal?: AbortSignal | undefined;
}

/** Tokens between updates. */
const UPDATE_INTERVAL = 20;
/** With each update, the weights move back towards the original ones by this fraction of the difference. */
const DECAY = 0.001;
/** β₂ and ε of Adam. */
const SQUARE_DECAY = 0.999;
const EPSILON = 1e-8;

/**
 * The sum of each sequence's losses, in nats. Yields the number of predictions made in the current sequence.
 *
 * @throws the signal's reason if it is aborted
 */
export async function* scoreDynamically(scoring: DynamicScoring): AsyncGenerator<number, Float64Array, void> {
  const { engine, config, sequences, signal } = scoring;
  const sums = new Float64Array(sequences.length);
  const learner = new Learner(engine, config, scoring.parameters, scoring.learningRate);
  const turns = new TurnTaker();
  try {
    for (const [index, sequence] of sequences.entries()) {
      learner.reset();
      let done = 0;
      for await (const block of packSequences(scoring.tokens, [sequence], learner.shape)) {
        signal?.throwIfAborted();
        const length = block.spans.reduce((sum, span) => sum + span.length, 0);
        sums[index] = (sums[index] as number) + (await learner.read(block, length));
        done += length;
        yield done;
        await turns.take();
      }
    }
    return sums;
  } finally {
    learner.release();
  }
}

/** A model that learns from what it reads. */
class Learner {
  readonly shape = { batchSize: 1, sequenceLength: UPDATE_INTERVAL };
  readonly #engine: Engine;
  readonly #network: Network;
  readonly #state: NetworkState;
  readonly #original: Vector;
  readonly #moments: readonly Vector[];
  readonly #weights: Vector;
  readonly #gradient: Vector;
  /** int [1]: updates made. */
  readonly #steps: Tensor;
  readonly #report: Tensor;
  readonly #learningRate: number;

  constructor(engine: Engine, config: ModelConfig, parameters: NumberArray, learningRate: number) {
    this.#engine = engine;
    this.#network = new Network(engine, config, this.shape);
    this.#weights = engine.vector(this.#network.layout);
    this.#gradient = engine.vector(this.#network.layout);
    engine.write(this.#weights, parameters);
    this.#state = this.#network.makeState();
    this.#original = engine.vector(this.#network.layout);
    engine.copy(this.#weights, this.#original);
    // Adam's two moments. The first is the gradient itself, because β₁ is 0.
    this.#moments = Array.from({ length: UPDATE_RULES.adam.moments }, () =>
      engine.vector(this.#network.layout),
    );
    this.#steps = engine.tensor('int', [1]);
    this.#report = engine.tensor('float', [UPDATE_REPORT_LENGTH]);
    this.#learningRate = learningRate;
  }

  /** Restores the original weights. */
  reset(): void {
    this.#engine.copy(this.#original, this.#weights);
    for (const moment of this.#moments) this.#engine.fill(moment, 0);
    this.#engine.fill(this.#steps, 0);
  }

  /** The loss of the first `length` tokens of a block, in nats. Learns from the block if it is full. */
  async read(block: Batch, length: number): Promise<number> {
    const weights = this.#weights;
    if (length === UPDATE_INTERVAL) {
      this.#network.lossAndGradient(weights, this.#gradient, block, this.#state);
      this.#learn();
    } else {
      this.#network.evaluate(weights, block, this.#state);
    }
    // Element 0 is the sum.
    const losses = await this.#engine.read(this.#network.loss, { offset: 1, count: length });
    return sumOf(losses as FloatArray);
  }

  #learn(): void {
    this.#engine.update({
      weights: this.#weights,
      gradient: this.#gradient,
      moments: this.#moments,
      rule: { kind: 'adam', beta1: 0, beta2: SQUARE_DECAY, epsilon: EPSILON },
      learningRate: this.#learningRate,
      steps: this.#steps,
      report: this.#report,
    });
    this.#engine.average(this.#original, this.#weights, DECAY);
  }

  release(): void {
    const vectors = [this.#weights, this.#gradient, this.#original, ...this.#moments];
    const handles = [...this.#state, ...vectors, this.#steps, this.#report];
    for (const handle of handles) this.#engine.release(handle);
    this.#network.release();
  }
}
