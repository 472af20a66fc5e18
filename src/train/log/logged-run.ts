/** Reconstructs a run from its log: its start, its end and its losses, without those that a resume or an explosion discarded. */
import type { LossRecord } from '../../checkpoint/checkpoint.ts';
import { LossHistory } from '../run/loss-history.ts';
import { keptLosses } from './discarded.ts';
import type { LoggedEvent, LoggedStart } from './logged-event.ts';

export class LoggedRun {
  #trainLosses = new LossHistory();
  #validationLosses = new LossHistory();
  #started: LoggedStart | undefined;
  #finished: Extract<LoggedEvent, { readonly type: 'finished' }> | undefined;

  /** The last start of the run. */
  get started(): LoggedStart | undefined {
    return this.#started;
  }

  /** How it ended; undefined if it is still running or was killed. */
  get finished(): Extract<LoggedEvent, { readonly type: 'finished' }> | undefined {
    return this.#finished;
  }

  /** Training losses by iteration, in nats per token, without those that are not finite or were discarded, as in a checkpoint. */
  get trainLosses(): LossRecord {
    return this.#trainLosses.toRecord();
  }

  /** Validation losses by iteration, in nats per token. */
  get validationLosses(): LossRecord {
    return this.#validationLosses.toRecord();
  }

  /** Adds the next event of the log. */
  add(event: LoggedEvent): void {
    const kept = keptLosses(event);
    if (kept) this.#forgetAfter(kept.trained, kept.evaluated);
    switch (event.type) {
      case 'started':
        this.#started = event;
        this.#finished = undefined;
        break;
      case 'evaluated':
        this.#validationLosses.add(event.iteration, event.validationLoss);
        break;
      case 'iteration':
        if (Number.isFinite(event.trainLoss)) this.#trainLosses.add(event.iteration, event.trainLoss);
        break;
      case 'finished':
        this.#finished = event;
        break;
    }
  }

  #forgetAfter(trained: number, evaluated: number): void {
    if ((this.#trainLosses.lastIteration ?? 0) > trained) this.#trainLosses = this.#trainLosses.upTo(trained);
    if ((this.#validationLosses.lastIteration ?? 0) > evaluated)
      this.#validationLosses = this.#validationLosses.upTo(evaluated);
  }
}
