/** When a run has left all bounds: a loss or gradient that is no number, a loss of three times the first. */
import type { DivergenceCode } from '../../errors.ts';

/** A run has exploded when its loss is more than this many times the first, as in the original. */
const EXPLOSION = 3;
/** Iterations without an update, one after the other, that are borne. */
export const MAX_CONSECUTIVE_SKIPS = 5;
/** How far a loss may be above the lowest, as a part of the first loss, for the state to count as good. */
const GOOD_RISE = 0.25;

export interface JudgedIteration {
  readonly iteration: number;
  /** Nats a token. */
  readonly trainLoss: number;
  /** False where the loss or the gradient was not finite, so that nothing was learned. */
  readonly updated: boolean;
  /** ‖parameters‖₂ after the update. */
  readonly parameterNorm: number;
}

/** An iteration that nothing was learned from. */
export interface Skip {
  readonly kind: 'skip';
  readonly cause: 'loss' | 'gradient';
  /** Such iterations up to this one. */
  readonly inARow: number;
}

/** The parameters can't be gone on from. */
export interface Explosion {
  readonly kind: 'explosion';
  readonly code: DivergenceCode;
  /** Where and what, without a full stop. */
  readonly reason: string;
}

/**
 * What is wrong after an iteration; undefined where nothing is.
 *
 * @param first The run's first loss, in nats; undefined where no loss was finite yet.
 * @param skips Iterations without an update up to this one, one after the other.
 * @param borne The number of them at which it is an explosion.
 */
export function judge(
  { iteration, trainLoss, updated, parameterNorm }: JudgedIteration,
  first: number | undefined,
  skips: number,
  borne: number,
): Skip | Explosion | undefined {
  const cause = Number.isFinite(trainLoss) ? 'gradient' : 'loss';
  if (!updated && skips < borne) return { kind: 'skip', cause, inARow: skips };
  if (!updated) {
    const times = borne > 1 ? `, ${borne} times in a row` : '';
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

/** The same for a validation loss, in nats. */
export function judgeLoss(
  iteration: number,
  name: string,
  loss: number,
  first: number | undefined,
): Explosion | undefined {
  if (!Number.isFinite(loss)) return notFinite(`iteration ${iteration}: the ${name} is not finite`);
  if (first === undefined || !(loss > EXPLOSION * first)) return undefined;
  const reason =
    `iteration ${iteration}: the ${name} is ${loss.toFixed(4)}, more than ${EXPLOSION} times the first ` +
    `(${first.toFixed(4)})`;
  return { kind: 'explosion', code: 'loss-exploded', reason };
}

/**
 * Whether parameters with this loss may be gone back to: it is not far above the lowest.
 * @param lowest What to compare with, in nats: a mean, for losses that jump about. Undefined before the first loss.
 */
export function isGood(loss: number, first: number | undefined, lowest: number | undefined): boolean {
  if (first === undefined || lowest === undefined) return Number.isFinite(loss);
  return loss <= lowest + GOOD_RISE * first;
}
