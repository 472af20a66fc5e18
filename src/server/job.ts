/** A request that is being computed: what ends it before its time. */
import type { PoolTicket } from './pooled-stream.ts';

export class Job {
  isOver = false;
  /** Settles when everything is computed, or can't be. */
  readonly done: Promise<void>;
  readonly #tickets: PoolTicket[] = [];
  #finish: () => void = () => {};
  #fail: (reason: unknown) => void = () => {};

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    // Whoever waits for it is told; where nobody does, it is no failure of the program.
    this.done.catch(() => {});
  }

  /** Takes a part of the work along. */
  add(ticket: PoolTicket): void {
    this.#tickets.push(ticket);
    if (this.isOver) ticket.cancel();
  }

  pause(paused: boolean): void {
    if (this.isOver) return;
    for (const ticket of this.#tickets) ticket.pause(paused);
  }

  finish(): void {
    this.isOver = true;
    this.#finish();
  }

  /** Ends it: nothing of it is computed any more. */
  cancel(reason: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const ticket of this.#tickets) ticket.cancel();
    this.#fail(reason);
  }
}
