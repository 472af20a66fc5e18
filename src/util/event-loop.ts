/** Turns of the event loop, so that timers, signals and other work are served during a long computation. */

/** How long a computation may keep the event loop waiting, in milliseconds. */
const LONGEST_WAIT = 50;

/**
 * Resolves in a later turn of the event loop: a macrotask, unlike an awaited promise that is already resolved.
 *
 * Node has `setImmediate`; in a page a message does the same without the 4 ms that nested timers are held back.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** Gives the event loop a turn where the last one is long enough ago; for loops of short steps. */
export class TurnTaker {
  #last = performance.now();

  async take(): Promise<void> {
    if (performance.now() - this.#last < LONGEST_WAIT) return;
    await nextTurn();
    this.#last = performance.now();
  }
}
