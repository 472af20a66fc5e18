/** Reports the preparation of a text as events. */
import type { Preparation } from '../data/preparation.ts';
import type { PreparingEvent } from './events.ts';

/** Milliseconds before the first event: shorter preparations are not worth one. */
const FIRST_EVENT_AFTER = 1000;
/** Milliseconds between events. */
const INTERVAL = 100;

/** Yields the progress, and returns the result. */
export async function* reportPreparation<T>(
  preparation: Preparation<T>,
): AsyncGenerator<PreparingEvent, T, void> {
  let due = performance.now() + FIRST_EVENT_AFTER;
  try {
    for (;;) {
      const step = await preparation.next();
      if (step.done) return step.value;
      if (performance.now() < due) continue;
      yield { type: 'preparing', ...step.value };
      due = performance.now() + INTERVAL;
    }
  } finally {
    // If the consumer has left, this removes incomplete files.
    await preparation.return(undefined as T);
  }
}
