/**
 * Fits the count model that a run has to beat, without delaying the training: up to two seconds before the first iteration, which is enough
 * for some MB of text, then in slices while the engine computes.
 */
import { splitCorpus } from '../../data/batches/splits.ts';
import { countModelLoss } from '../../score/count-model/count-model-loss.ts';
import { TurnTaker } from '../../util/event-loop.ts';
import type { BaselineEvent } from '../events.ts';
import type { RunInput } from './training-run.ts';

/** Maximum milliseconds before the first iteration. */
const MAX_START_MILLISECONDS = 2000;
/** Maximum share of the time afterwards. */
const MAX_SHARE = 0.01;

export class Baseline {
  readonly #steps: ReturnType<typeof countModelLoss> | undefined;
  readonly #now: () => number;
  #hasEnded = false;
  /** Milliseconds of work after the start. */
  #spent = 0;
  #trainingStart = 0;

  /** @param now The time in milliseconds. */
  constructor(
    { corpus, options, start }: Pick<RunInput, 'corpus' | 'options' | 'start'>,
    now: () => number = () => performance.now(),
  ) {
    this.#now = now;
    if (!options.baseline) return;
    // Separate batches, because a source has a position.
    const splits = splitCorpus(corpus, { ...options, heldOut: start?.training?.shapeChange?.heldOut });
    this.#steps = countModelLoss(splits, corpus.vocabulary.size);
  }

  /** Works before the first iteration. Returns the event if the loss is known. */
  async begin(signal: AbortSignal | undefined): Promise<BaselineEvent | undefined> {
    const turns = new TurnTaker();
    const end = this.#now() + MAX_START_MILLISECONDS;
    let event: BaselineEvent | undefined;
    while (!event && !this.#hasEnded && !signal?.aborted && this.#now() < end) {
      event = await this.#step();
      await turns.take();
    }
    this.#trainingStart = this.#now();
    return event;
  }

  /** Works between iterations, if its share of the time allows. Returns the event once, when the loss is known. */
  async advance(): Promise<BaselineEvent | undefined> {
    if (this.#hasEnded) return undefined;
    const start = this.#now();
    if (this.#spent > MAX_SHARE * (start - this.#trainingStart)) return undefined;
    const event = await this.#step();
    this.#spent += this.#now() - start;
    return event;
  }

  async #step(): Promise<BaselineEvent | undefined> {
    const step = await this.#steps?.next();
    if (step && !step.done) return undefined;
    this.#hasEnded = true;
    return step?.value && { type: 'baseline', ...step.value };
  }
}
