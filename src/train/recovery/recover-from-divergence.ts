/** The reaction to an explosion: another attempt from the last good state, or the end of the run. */
import { DivergenceError, type Remedy } from '../../errors.ts';
import { counted, formatCount } from '../../util/format.ts';
import type { RestoredEvent } from '../events.ts';
import { checkTrainingOptions, type TrainingOptions } from '../options.ts';
import type { TrainingRun } from '../run/training-run.ts';
import type { Explosion } from './divergence.ts';

/**
 * Returns the run to its last good state, if it keeps one: with half the learning rate while retries are left, otherwise unchanged, so that
 * this state can be saved.
 *
 * @returns the event to report, or, if no retry is left, the error that ends the run
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
  const tried = `${counted(retries, 'retry', 'retries')} with smaller learning rates did not help`;
  const kept = iteration > 0 ? ` The model of iteration ${formatCount(iteration)} is kept.` : '';
  return new DivergenceError(code, `${reason}; ${retries > 0 ? `${tried}; ` : ''}training stopped.${kept}`, {
    remedies: slowerRemedies(rate),
  });
}

/** Suggests half the learning rate that exploded, but at most the default. */
function slowerRemedies(rate: number): Remedy[] {
  const { learningRate: usual } = checkTrainingOptions({});
  const learningRate = Number(Math.min(rate / 2, usual).toPrecision(4));
  return [
    { text: 'To train with a smaller learning rate', set: { learningRate } },
    {
      text: 'To limit the gradient as well',
      set: { learningRate, meanNormClip: 1, gradientNormClip: undefined },
    },
  ];
}
