/** Reconstructs a run from its log: its start, its end and its losses, without those that a resume or an explosion discarded. */
import type { LossRecord } from '../../checkpoint/checkpoint.ts';
import { LossHistory } from '../run/loss-history.ts';
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
    switch (event.type) {
      case 'started':
        this.#started = event;
        this.#finished = undefined;
        // In logs of version 1, the start of a resumed run has no iteration: the next `iteration` event shows it.
        if (event.start !== 'resumed') this.#forgetAfter(0, 0);
        else if (event.iteration !== undefined) this.#forgetAfter(event.iteration, event.iteration);
        break;
      case 'restored':
      case 'continued':
        this.#forgetAfter(event.iteration, event.iteration);
        break;
      case 'evaluated':
        // An evaluation comes before the event of its iteration, but after it if a resumed run had to make up for it.
        this.#forgetAfter(event.iteration, event.iteration - 1);
        this.#validationLosses.add(event.iteration, event.validationLoss);
        break;
      case 'iteration':
        this.#forgetAfter(event.iteration - 1, event.iteration);
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
