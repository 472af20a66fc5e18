/** The computation of an HTTP request, which may need several requests to the pool. It can be paused and cancelled as a whole. */
import type { RequestHandle } from '../sample/pool/request.ts';

export class Job {
  isOver = false;
  /** Resolves when everything has been computed; rejects if the job was cancelled. */
  readonly done: Promise<void>;
  readonly #handles: RequestHandle[] = [];
  #finish: () => void = () => {};
  #fail: (reason: unknown) => void = () => {};

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    // A rejection that nobody waits for must not end the program.
    this.done.catch(() => {});
  }

  /** Adds a request of the pool, which is paused and cancelled together with the job. */
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

  /** Ends the job: nothing more is computed for it. */
  cancel(reason: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const handle of this.#handles) handle.cancel();
    this.#fail(reason);
  }
}
