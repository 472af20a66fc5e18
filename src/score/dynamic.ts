/**
 * Dynamic evaluation (Krause et al. 2018): the weights adapt to the text while it is read.
 *
 * The model predicts each block of tokens before it learns from them, so it never predicts a token that it has seen: the losses are
 * comparable to those of fixed weights. After a block of 20 tokens, with the gradient g of their mean loss and the original weights w₀:
 *
 *   w ← w − η·g / (√m + ε), then w ← w + λ·(w₀ − w)
 *
 * λ is the same for all weights. In the paper, it is multiplied by each weight's √m, divided by the mean of all √m.
 *
 * m is the mean of g² over the training text, which stays fixed (`mean-square.ts`). Without it, m is a running mean of g² over the text that is
 * read (Adam without momentum), which covers little text at first.
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
import { UPDATE_RULES, type UpdateRule } from '../engine/update-rules.ts';
import type { ModelConfig } from '../model/config.ts';
import { Network, type NetworkState } from '../model/network.ts';
import { TurnTaker } from '../util/event-loop.ts';
import { DYNAMIC_RATES } from './options.ts';
import { packSequences } from './pack-sequences.ts';
import type { Sequence } from './sequences.ts';
import { sumOf } from './summary.ts';

/** Where m comes from. */
export type SquareSource = keyof typeof DYNAMIC_RATES;

export interface DynamicScoring {
  readonly engine: Engine;
  readonly config: ModelConfig;
  /** In canonical order. */
  readonly parameters: NumberArray;
  /** The mean square of each parameter's gradient over the training text. Absent: a running mean is used. */
  readonly meanSquare?: NumberArray | undefined;
  readonly tokens: TokenSource;
  /** Read one after the other. Each starts with the original weights. */
  readonly sequences: readonly Sequence[];
  /** η. Default: that of `DYNAMIC_RATES`. */
  readonly learningRate?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Tokens between updates. */
export const UPDATE_INTERVAL = 20;
/** λ. */
const DECAY = 0.001;

/** The rules with and without the mean square of the training text. Their ε are for the gradient of the mean loss. */
const RULES: Readonly<Record<SquareSource, UpdateRule>> = {
  // m = 1·m + 0·g²: the mean square stays as it is.
  training: { kind: 'rmsprop', alpha: 1, epsilon: 3e-4 },
  running: { kind: 'adam', beta1: 0, beta2: 0.999, epsilon: 1e-8 },
};

/**
 * The sum of each sequence's losses, in nats. Yields the number of predictions made in the current sequence.
 *
 * @throws the signal's reason if it is aborted
 */
export async function* scoreDynamically(scoring: DynamicScoring): AsyncGenerator<number, Float64Array, void> {
  const { sequences, signal } = scoring;
  const sums = new Float64Array(sequences.length);
  const learner = new Learner(scoring);
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
  readonly #rule: UpdateRule;
  readonly #moments: readonly Vector[];
  /** Whether the moments change, so that a reset must clear them. */
  readonly #isRunning: boolean;
  readonly #weights: Vector;
  readonly #gradient: Vector;
  /** int [1]: the number of updates made. */
  readonly #steps: Tensor;
  readonly #report: Tensor;
  readonly #learningRate: number;

  constructor({ engine, config, parameters, meanSquare, learningRate }: DynamicScoring) {
    const source: SquareSource = meanSquare ? 'training' : 'running';
    this.#engine = engine;
    this.#network = new Network(engine, config, this.shape);
    const vector = () => engine.vector(this.#network.layout);
    this.#weights = vector();
    this.#gradient = vector();
    this.#original = vector();
    engine.write(this.#original, parameters);
    this.#state = this.#network.makeState();
    this.#rule = RULES[source];
    this.#moments = Array.from({ length: UPDATE_RULES[this.#rule.kind].moments }, vector);
    for (const moment of this.#moments) if (meanSquare) engine.write(moment, meanSquare);
    this.#isRunning = meanSquare === undefined;
    this.#steps = engine.tensor('int', [1]);
    this.#report = engine.tensor('float', [UPDATE_REPORT_LENGTH]);
    this.#learningRate = learningRate ?? DYNAMIC_RATES[source];
  }

  /** Restores the original weights and clears the running mean. */
  reset(): void {
    this.#engine.copy(this.#original, this.#weights);
    this.#engine.fill(this.#steps, 0);
    if (this.#isRunning) for (const moment of this.#moments) this.#engine.fill(moment, 0);
  }

  /**
   * Computes the losses of the first `length` tokens of a block. If the block is full, the model then learns from it.
   *
   * @returns their sum, in nats
   */
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
      ...this.#scaled(),
      steps: this.#steps,
      report: this.#report,
    });
    this.#engine.average(this.#original, this.#weights, DECAY);
  }

  /**
   * The rule and rate for the network's gradient, which is that of the summed loss: T times that of the mean. RMSProp divides by the root of
   * a fixed mean square, so its rate is divided by T. Adam's running mean scales with the gradient, so its ε is multiplied by T.
   */
  #scaled(): { readonly rule: UpdateRule; readonly learningRate: number } {
    const [rule, learningRate] = [this.#rule, this.#learningRate];
    if (rule.kind === 'rmsprop') return { rule, learningRate: learningRate / UPDATE_INTERVAL };
    return { rule: { ...rule, epsilon: rule.epsilon * UPDATE_INTERVAL }, learningRate };
  }

  release(): void {
    const vectors = [this.#weights, this.#gradient, this.#original, ...this.#moments];
    const handles = [...this.#state, ...vectors, this.#steps, this.#report];
    for (const handle of handles) this.#engine.release(handle);
    this.#network.release();
  }
}
