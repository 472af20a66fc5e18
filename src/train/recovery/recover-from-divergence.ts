/** What an explosion leads to: another try from the last good state, or the end of the run. */
import { DivergenceError, type Remedy } from '../../errors.ts';
import { formatCount } from '../../util/format.ts';
import type { RestoredEvent } from '../events.ts';
import { checkTrainingOptions, type TrainingOptions } from '../options.ts';
import type { TrainingRun } from '../run/training-run.ts';
import type { Explosion } from './divergence.ts';

/**
 * Takes the run back to its last good state, where it keeps one: with half the learning rate, as often as it may; after
 * that as it was, to be saved.
 *
 * @returns the error that ends the run when there is nothing left to try
 */
export function recoverFromDivergence(
  run: TrainingRun,
  explosion: Explosion,
  { retries, learningRate: asked }: TrainingOptions,
): RestoredEvent | DivergenceError {
  const { code, reason } = explosion;
  if (!run.canGoBack) {
    const remedies = slowerRemedies(asked);
    return new DivergenceError(code, `${reason}; training stopped.`, { remedies });
  }
  if (run.retries < retries) {
    const learningRate = run.goBack(true);
    const { iteration, epoch, retries: retry } = run;
    return { type: 'restored', iteration, epoch, reason, learningRate, retry, retries };
  }
  const rate = run.goBack(false);
  const { iteration } = run;
  const tried = `${formatCount(retries)} ${retries === 1 ? 'retry' : 'retries'} with smaller learning rates did not help`;
  const kept = iteration > 0 ? ` What was learned up to iteration ${formatCount(iteration)} is kept.` : '';
  return new DivergenceError(code, `${reason}; ${retries > 0 ? `${tried}; ` : ''}training stopped.${kept}`, {
    remedies: slowerRemedies(rate),
  });
}

/** Half of a rate that exploded is worth a try where it is a usual one; of one far above, the usual one is. */
function slowerRemedies(rate: number): Remedy[] {
  const { learningRate: usual } = checkTrainingOptions({});
  const learningRate = Number(Math.min(rate / 2, usual).toPrecision(4));
  return [
    { text: 'To train with a smaller learning rate', set: { learningRate } },
    { text: 'To bound the gradient as well', set: { learningRate, gradientNormClip: 1 } },
  ];
}
