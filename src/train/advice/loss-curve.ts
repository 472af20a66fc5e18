/** The losses of a run, averaged over evaluations and over blocks of iterations, as the rules for advice need them. */

/** Iterations in a block. */
const BLOCK_ITERATIONS = 100;

/** The two losses at an evaluation, in nats per token. */
export interface LossPoint {
  readonly iteration: number;
  readonly epoch: number;
  /** The mean since the previous point. */
  readonly trainLoss: number;
  /** Undefined if no text is held out. */
  readonly validationLoss: number | undefined;
}

export class LossCurve {
  readonly #epochAt: (iteration: number) => number;
  #points: LossPoint[] = [];
  #blocks: { readonly iteration: number; readonly mean: number }[] = [];
  #sincePoint = { sum: 0, count: 0 };
  #inBlock = { sum: 0, count: 0 };
  #first: number | undefined;

  /** @param epochAt Passes through the training text after an iteration. */
  constructor(epochAt: (iteration: number) => number) {
    this.#epochAt = epochAt;
  }

  /** The points so far, the newest last. */
  get points(): readonly LossPoint[] {
    return this.#points;
  }

  /** Means of the training loss over a hundred iterations each, the newest last. */
  get blockMeans(): readonly number[] {
    return this.#blocks.map(({ mean }) => mean);
  }

  /** The first training loss. */
  get first(): number | undefined {
    return this.#first;
  }

  /** Adds the training loss of an iteration, unless it is not finite. Returns whether that completes a block. */
  addTraining(iteration: number, loss: number): boolean {
    if (!Number.isFinite(loss)) return false;
    this.#first ??= loss;
    for (const mean of [this.#sincePoint, this.#inBlock]) {
      mean.sum += loss;
      mean.count++;
    }
    if (this.#inBlock.count < BLOCK_ITERATIONS) return false;
    this.#blocks.push({ iteration, mean: this.#inBlock.sum / BLOCK_ITERATIONS });
    this.#inBlock = { sum: 0, count: 0 };
    return true;
  }

  /** Adds an evaluation. The training losses before it must have been added. */
  addEvaluation(iteration: number, validationLoss: number | undefined): void {
    const { sum, count } = this.#sincePoint;
    if (count === 0) return;
    const epoch = this.#epochAt(iteration);
    this.#points.push({ iteration, epoch, trainLoss: sum / count, validationLoss });
    this.#sincePoint = { sum: 0, count: 0 };
  }

  /** Discards what came after an iteration. */
  goBack(iteration: number): void {
    this.#points = this.#points.filter((point) => point.iteration <= iteration);
    this.#blocks = this.#blocks.filter((block) => block.iteration <= iteration);
    this.#sincePoint = { sum: 0, count: 0 };
    this.#inBlock = { sum: 0, count: 0 };
  }
}
