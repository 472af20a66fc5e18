/** The times of iterations, as means over blocks of equal duration: what a forecast of the time to come needs, in little memory. */

/** Maximum number of blocks. When there are more, neighbours are joined. */
const MAX_BLOCKS = 20;
/** Milliseconds of the first blocks. */
const FIRST_DURATION = 250;

interface Block {
  milliseconds: number;
  iterations: number;
}

export interface TimeStatistics {
  /** Mean milliseconds of an iteration. */
  readonly mean: number;
  /** The mean of the fastest block. */
  readonly fastest: number;
  /** The standard deviation of the means of blocks, as a fraction of the mean; undefined for a single block. */
  readonly deviation: number | undefined;
}

export class TimeBlocks {
  #duration = FIRST_DURATION;
  #blocks: Block[] = [];
  #open: Block = { milliseconds: 0, iterations: 0 };

  /** Adds the time of an iteration. */
  add(milliseconds: number): void {
    this.#open.milliseconds += milliseconds;
    this.#open.iterations++;
    if (this.#open.milliseconds < this.#duration) return;
    this.#blocks.push(this.#open);
    this.#open = { milliseconds: 0, iterations: 0 };
    if (this.#blocks.length < MAX_BLOCKS) return;
    this.#blocks = this.#blocks.flatMap((block, index, all) => {
      const next = all[index + 1];
      if (index % 2 === 1 || !next) return [];
      return [
        {
          milliseconds: block.milliseconds + next.milliseconds,
          iterations: block.iterations + next.iterations,
        },
      ];
    });
    this.#duration *= 2;
  }

  /** Statistics of the newest blocks, at most ten: at least the last half of the time. Undefined before the first iteration. */
  get statistics(): TimeStatistics | undefined {
    const blocks = this.#blocks.length > 0 ? this.#blocks.slice(-MAX_BLOCKS / 2) : [this.#open];
    const milliseconds = blocks.reduce((sum, block) => sum + block.milliseconds, 0);
    const iterations = blocks.reduce((sum, block) => sum + block.iterations, 0);
    if (iterations === 0) return undefined;
    const mean = milliseconds / iterations;
    const means = blocks.map((block) => block.milliseconds / block.iterations);
    const squares = means.reduce((sum, one) => sum + (one / mean - 1) ** 2, 0);
    return {
      mean,
      fastest: Math.min(...means),
      deviation: means.length > 1 ? Math.sqrt(squares / (means.length - 1)) : undefined,
    };
  }
}
