/** Detects divergence: a loss or gradient that is not finite, or a loss of more than three times the first. */
import type { DivergenceCode } from '../../errors.ts';

/** A run has exploded if its loss is more than this many times the first, as in the original. */
const EXPLOSION_FACTOR = 3;
/** A run has exploded after this many consecutive iterations without an update. */
export const MAX_CONSECUTIVE_SKIPS = 5;
/** How far the loss of a good state may be above the lowest loss, as a fraction of the first loss. */
const MAX_RISE = 0.25;

export interface JudgedIteration {
  readonly iteration: number;
  /** In nats per token. */
  readonly trainLoss: number;
  /** False if the loss or the gradient was not finite, so that no update was made. */
  readonly updated: boolean;
  /** ‖parameters‖₂ after the update. */
  readonly parameterNorm: number;
}

/** An iteration without an update. */
export interface Skip {
  readonly kind: 'skip';
  readonly cause: 'loss' | 'gradient';
  /** Consecutive skipped iterations, including this one. */
  readonly consecutive: number;
}

/** Training can't continue from these parameters. */
export interface Explosion {
  readonly kind: 'explosion';
  readonly code: DivergenceCode;
  /** What exploded, and at which iteration, without a full stop. */
  readonly reason: string;
}

/**
 * Whether an iteration was skipped or has made the run explode; undefined if all is well.
 *
 * @param first The first loss of the run, in nats; undefined if no loss has been finite yet.
 * @param skips Consecutive iterations without an update, including this one.
 * @param limit The number of skips that counts as an explosion.
 */
export function judge(
  { iteration, trainLoss, updated, parameterNorm }: JudgedIteration,
  first: number | undefined,
  skips: number,
  limit: number,
): Skip | Explosion | undefined {
  const cause = Number.isFinite(trainLoss) ? 'gradient' : 'loss';
  if (!updated && skips < limit) return { kind: 'skip', cause, consecutive: skips };
  if (!updated) {
    const times = limit > 1 ? `, ${limit} times in a row` : '';
    return notFinite(`iteration ${iteration}: the ${cause} is not finite${times}`);
  }
  if (!Number.isFinite(parameterNorm)) {
    return notFinite(`iteration ${iteration}: the parameters are not finite after the update`);
  }
  return judgeLoss(iteration, 'loss', trainLoss, first);
}

function notFinite(reason: string): Explosion {
  return { kind: 'explosion', code: 'loss-not-finite', reason };
}

/** Whether a loss, in nats, shows an explosion. */
export function judgeLoss(
  iteration: number,
  name: string,
  loss: number,
  first: number | undefined,
): Explosion | undefined {
  if (!Number.isFinite(loss)) return notFinite(`iteration ${iteration}: the ${name} is not finite`);
  if (first === undefined || !(loss > EXPLOSION_FACTOR * first)) return undefined;
  const reason =
    `iteration ${iteration}: the ${name} is ${loss.toFixed(4)}, more than ${EXPLOSION_FACTOR} times the first ` +
    `(${first.toFixed(4)})`;
  return { kind: 'explosion', code: 'loss-exploded', reason };
}

/**
 * Whether a state with this loss is good enough to return to: the loss is not far above the lowest.
 *
 * @param lowest The loss to compare with, in nats; for noisy training losses, a mean. Undefined before the first loss.
 */
export function isGood(loss: number, first: number | undefined, lowest: number | undefined): boolean {
  if (first === undefined || lowest === undefined) return Number.isFinite(loss);
  return loss <= lowest + MAX_RISE * first;
}
