/** What an explosion leads to: another try from the last good state, or the end of the run. */
import { DivergenceError } from '../errors.ts';
import { formatCount } from '../util/format-number.ts';
import type { RestoredEvent } from './events.ts';
import type { TrainingOptions } from './options.ts';
import type { TrainingRun } from './run.ts';
import type { Explosion } from './stability.ts';

const CLIP = 'or bound the gradient with --clip_norm 1.';

/**
 * Takes the run back to its last good state, where it keeps one: with half the learning rate, as often as it may; after
 * that as it was, to be saved.
 *
 * @returns the error that ends the run when there is nothing left to try
 */
export function overcome(
  run: TrainingRun,
  explosion: Explosion,
  { retries }: TrainingOptions,
): RestoredEvent | DivergenceError {
  const { code, reason } = explosion;
  if (!run.canGoBack) {
    const advice = `Try a smaller -learning_rate (half of it or less), ${CLIP}`;
    return new DivergenceError(code, `${reason}; training stopped. ${advice}`);
  }
  if (run.retries < retries) {
    const learningRate = run.goBack(true);
    const { iteration, epoch, retries: retry } = run;
    return { type: 'restored', iteration, epoch, reason, learningRate, retry, retries };
  }
  const rate = Number(run.goBack(false).toPrecision(4));
  const { iteration } = run;
  const tried = `${formatCount(retries)} ${retries === 1 ? 'retry' : 'retries'} with smaller learning rates did not help`;
  const kept = iteration > 0 ? `What was learned up to iteration ${formatCount(iteration)} is kept. ` : '';
  return new DivergenceError(
    code,
    `${reason}; ${retries > 0 ? `${tried}; ` : ''}training stopped. ${kept}Try a -learning_rate below ${rate}, ${CLIP}`,
  );
}
