/** The iterations in flight: enqueued on the engine, with figures that have not been read yet. */
import type { StateCopy } from '../recovery/state-copy.ts';
import type { IterationFigures, TrainingRun } from './training-run.ts';

export interface IterationQueueInput {
  readonly run: TrainingRun;
  /** Maximum number of iterations in flight. */
  readonly depth: number;
  /** Whether the next iteration must wait for the figures of this one, because an evaluation or a save may follow. */
  readonly isBoundary: (iteration: number) => boolean;
  /** Undefined if the engine can't be lost. */
  readonly copy?: StateCopy | undefined;
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
    const { run, depth, isBoundary, copy } = this.#input;
    while (this.length < depth && run.enqueued < run.schedule.last) {
      if (this.length > 0 && isBoundary(run.enqueued)) return;
      this.#figures.push((await run.enqueue()).figures);
      copy?.afterEnqueue();
    }
  }

  /** Waits for the oldest iteration, and records its figures. */
  async next(): Promise<IterationFigures> {
    const [first] = this.#figures;
    if (!first) throw new TypeError('no iteration is in flight');
    const figures = await first;
    this.#figures.shift();
    this.#input.run.record(figures);
    this.#input.copy?.afterRecord();
    return figures;
  }

  /** Waits for all iterations and records their figures, at the end of a run. */
  async drain(): Promise<void> {
    while (this.length > 0) await this.next();
  }

  /** Waits for all iterations and discards their figures, after an explosion. */
  async discard(): Promise<void> {
    const all = this.#figures;
    this.#figures = [];
    await Promise.all(all);
  }
}
