/** The preparation of a text as events. */
import type { Preparation } from '../data/preparation.ts';
import type { PreparingEvent } from './events.ts';

/** Milliseconds before anything is told: what is over by then is not worth it. */
const QUIET_TIME = 1000;
/** Milliseconds between events. */
const INTERVAL = 100;

/** Tells the progress, and gives the result. */
export async function* reportPreparation<T>(
  preparation: Preparation<T>,
): AsyncGenerator<PreparingEvent, T, void> {
  let due = performance.now() + QUIET_TIME;
  try {
    for (;;) {
      const step = await preparation.next();
      if (step.done) return step.value;
      if (performance.now() < due) continue;
      yield { type: 'preparing', ...step.value };
      due = performance.now() + INTERVAL;
    }
  } finally {
    // The consumer left: what is half made goes.
    await preparation.return(undefined as T);
  }
}
