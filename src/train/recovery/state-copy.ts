/**
 * A copy of a run's state in ordinary memory, for engines that can be lost.
 *
 * Its reads are enqueued between two iterations, like those of a save, and nothing waits for them: the engine continues with the iterations
 * in flight. A new copy begins when the newest is half as old as it may be, so that it arrives in time.
 */
import type { TrainedCheckpoint } from '../../checkpoint/checkpoint.ts';
import type { TrainingRun } from '../run/training-run.ts';

/** A copy is at most 100 iterations and 60 seconds old. */
const INTERVAL_ITERATIONS = 50;
const INTERVAL_MILLISECONDS = 30_000;

export class StateCopy {
  readonly #run: TrainingRun;
  readonly #now: () => number;
  #newest: TrainedCheckpoint | undefined;
  /** The number of the newest copy: an earlier one that arrives late is dropped. */
  #newestNumber = 0;
  #begun = 0;
  /** When the last copy began, and its iteration. */
  #last: { readonly at: number; readonly iteration: number };
  /** A copy that waits for the figures of its iteration. */
  #waiting: { readonly iteration: number; readonly finish: () => Promise<TrainedCheckpoint> } | undefined;
  /** Copies that are being read. */
  #reading = 0;
  #failure: { readonly error: unknown } | undefined;

  /**
   * @param newest The state that the run begins with. Undefined for the start of its input, which can be repeated.
   * @param now The time in milliseconds.
   */
  constructor(
    run: TrainingRun,
    newest: TrainedCheckpoint | undefined,
    now: () => number = () => performance.now(),
  ) {
    this.#run = run;
    this.#newest = newest;
    this.#now = now;
    this.#last = { at: now(), iteration: run.iteration };
  }

  /** The newest copy that has arrived. Undefined if the run has to start again from the beginning. */
  get newest(): TrainedCheckpoint | undefined {
    return this.#newest;
  }

  /** Begins a copy if one is due. Call this after each iteration has been enqueued. */
  afterEnqueue(): void {
    const { enqueued } = this.#run;
    if (this.#waiting || this.#reading > 0) return;
    const isDue =
      enqueued - this.#last.iteration >= INTERVAL_ITERATIONS ||
      this.#now() - this.#last.at >= INTERVAL_MILLISECONDS;
    if (!isDue) return;
    this.#last = { at: this.#now(), iteration: enqueued };
    this.#waiting = { iteration: enqueued, finish: this.#run.beginCheckpoint() };
  }

  /**
   * Completes the copy of this iteration, if there is one. Call this after the figures of each iteration have been recorded.
   *
   * @throws the error of an earlier copy
   */
  afterRecord(): void {
    if (this.#failure) throw this.#failure.error;
    const { iteration, isSound } = this.#run;
    if (this.#waiting?.iteration !== iteration) return;
    const { finish } = this.#waiting;
    this.#waiting = undefined;
    if (isSound) this.#receive(finish());
  }

  /** Takes a copy of the present state. No iteration may be in flight. */
  take(): Promise<TrainedCheckpoint> {
    this.#last = { at: this.#now(), iteration: this.#run.iteration };
    const copy = this.#run.checkpoint();
    this.#receive(copy);
    return copy;
  }

  /** Takes a copy, unless the last one belongs to this iteration. */
  takeIfOlder(): void {
    if (this.#last.iteration !== this.#run.iteration) this.take();
  }

  /** Call this after the run has returned to its good state: earlier copies belong to discarded iterations. */
  async goBack(): Promise<void> {
    this.#waiting = undefined;
    this.#last = { at: this.#now(), iteration: this.#run.iteration };
    this.#newestNumber = ++this.#begun;
    this.#newest = await this.#run.goodCheckpoint();
  }

  #receive(copy: Promise<TrainedCheckpoint>): void {
    const number = ++this.#begun;
    this.#reading++;
    copy
      .then((checkpoint) => {
        if (number < this.#newestNumber) return;
        this.#newest = checkpoint;
        this.#newestNumber = number;
      })
      .catch((error: unknown) => {
        this.#failure = { error };
      })
      .finally(() => {
        this.#reading--;
      });
  }
}
