/** A request that is being computed: what ends it before its time. */
import type { RequestHandle } from '../sample/pool/request.ts';

export class Job {
  isOver = false;
  /** Settles when everything is computed, or can't be. */
  readonly done: Promise<void>;
  readonly #handles: RequestHandle[] = [];
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
  add(handle: RequestHandle): void {
    this.#handles.push(handle);
    if (this.isOver) handle.cancel();
  }

  pause(paused: boolean): void {
    if (this.isOver) return;
    for (const handle of this.#handles) handle.pause(paused);
  }

  finish(): void {
    this.isOver = true;
    this.#finish();
  }

  /** Ends it: nothing of it is computed any more. */
  cancel(reason: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const handle of this.#handles) handle.cancel();
    this.#fail(reason);
  }
}
