/** Iterations that the engine computes while their figures are on the way, in order. */
import type { IterationFigures, TrainingRun } from './training-run.ts';

export interface IterationQueueInput {
  readonly run: TrainingRun;
  /** Iterations in flight at most. */
  readonly depth: number;
  /** Whether nothing may be enqueued after an iteration until its figures are known: something is due then. */
  readonly isBoundary: (iteration: number) => boolean;
}

export class IterationQueue {
  readonly #input: IterationQueueInput;
  #figures: Promise<IterationFigures>[] = [];

  constructor(input: IterationQueueInput) {
    this.#input = input;
  }

  get length(): number {
    return this.#figures.length;
  }

  /** Enqueues iterations up to the depth, the next boundary, and the end of the run. */
  async fill(): Promise<void> {
    const { run, depth, isBoundary } = this.#input;
    while (this.length < depth && run.enqueued < run.schedule.last) {
      if (this.length > 0 && isBoundary(run.enqueued)) return;
      this.#figures.push((await run.enqueue()).figures);
    }
  }

  /** The figures of the oldest iteration, of which the run takes note. */
  async next(): Promise<IterationFigures> {
    const [first] = this.#figures;
    if (!first) throw new TypeError('no iteration is in flight');
    const figures = await first;
    this.#figures.shift();
    this.#input.run.record(figures);
    return figures;
  }

  /** Waits for all and records them: for a run that nobody reads any more. */
  async drain(): Promise<void> {
    while (this.length > 0) await this.next();
  }

  /** Waits for all, and forgets them: they came after an explosion. */
  async discard(): Promise<void> {
    const all = this.#figures;
    this.#figures = [];
    await Promise.all(all);
  }
}
