/** Lets timers, signals and other tasks run during a long computation. */

/** Maximum time for which a computation may block the event loop, in milliseconds. */
const MAX_BLOCKED = 50;

/**
 * Resolves in a later turn of the event loop. (Awaiting a resolved promise does not let other tasks run.)
 *
 * Node has `setImmediate`. In a page a message has the same effect, without the delay of 4 ms of nested timers.
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

/** Yields to the event loop if the last time was long enough ago. For loops of short steps. */
export class TurnTaker {
  #last = performance.now();

  async take(): Promise<void> {
    if (performance.now() - this.#last < MAX_BLOCKED) return;
    await nextTurn();
    this.#last = performance.now();
  }
}

/**
 * Runs a generator of short steps to its end, and lets other tasks run in between.
 *
 * @returns its result
 * @throws the signal's reason if it is aborted
 */
export async function runInTurns<T>(steps: AsyncGenerator<void, T, void>, signal?: AbortSignal): Promise<T> {
  const turns = new TurnTaker();
  for (;;) {
    const step = await steps.next();
    if (step.done) return step.value;
    signal?.throwIfAborted();
    await turns.take();
  }
}
