/** Stops a run whose loss has left all bounds, as the original does. */
import { DivergenceError } from '../errors.ts';

/** A run is stopped when its loss is more than this many times the first. */
const EXPLOSION = 3;

const ADVICE = 'Try a smaller -learning_rate (half of it or less), or a smaller -grad_clip.';

/**
 * @param loss Of this iteration, in nats.
 * @param first Of the run's first iteration.
 * @param updated Whether the update of this iteration could be made.
 * @throws {DivergenceError}
 */
export function checkStability(iteration: number, loss: number, first: number, updated: boolean): void {
  if (!Number.isFinite(loss)) {
    throw new DivergenceError(
      'loss-not-finite',
      `iteration ${iteration}: the loss is ${loss}, not a number to learn from; training stopped. ${ADVICE}`,
    );
  }
  if (!updated) {
    throw new DivergenceError(
      'loss-not-finite',
      `iteration ${iteration}: the gradient is not finite; training stopped. ${ADVICE}`,
    );
  }
  if (loss > EXPLOSION * first) {
    throw new DivergenceError(
      'loss-exploded',
      `iteration ${iteration}: the loss is ${loss.toFixed(4)}, more than ${EXPLOSION} times the first ` +
        `(${first.toFixed(4)}): it is exploding; training stopped. ${ADVICE}`,
    );
  }
}
