/** A run as its events tell it: what counts of them, where it was resumed or went back. */
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

  /** How it ended; undefined while it goes on, and where it was cut off. */
  get finished(): Extract<LoggedEvent, { readonly type: 'finished' }> | undefined {
    return this.#finished;
  }

  /** By iteration, in nats a token, as a checkpoint has them: those that are not finite, and what was forgotten, are left out. */
  get trainLosses(): LossRecord {
    return this.#trainLosses.toRecord();
  }

  get validationLosses(): LossRecord {
    return this.#validationLosses.toRecord();
  }

  /** Takes the next event of the log. */
  add(event: LoggedEvent): void {
    switch (event.type) {
      case 'started':
        this.#started = event;
        this.#finished = undefined;
        // A resumed run of version 1 does not say where it goes on: its next iteration does.
        if (event.start !== 'resumed') this.#forgetAfter(0, 0);
        else if (event.iteration !== undefined) this.#forgetAfter(event.iteration, event.iteration);
        break;
      case 'restored':
        this.#forgetAfter(event.iteration, event.iteration);
        break;
      case 'evaluated':
        // The evaluation of an iteration comes before the iteration's own event, or, where it was owed, after.
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
