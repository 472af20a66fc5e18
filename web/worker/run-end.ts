/** Where a run ends, and its record. */
import type { TrainingState } from '../../src/checkpoint/checkpoint.ts';
import type { RunRecord } from './stored-runs.ts';

/** The record of a run from its checkpoint: the run comes from elsewhere, or its record is missing. */
export function recordOf(training: TrainingState, name: string): RunRecord {
  const losses = training.validationLosses.values;
  return {
    name,
    iteration: training.iteration,
    iterations: plannedIterations(training),
    bestLoss: losses.length > 0 ? Math.min(...losses) : undefined,
  };
}

/** The iteration that the run was to end with. */
export function plannedIterations({ iteration, epoch, options }: TrainingState): number {
  const { maxEpochs, maxIterations = Number.POSITIVE_INFINITY } = options as Readonly<Record<string, number>>;
  const ofEpochs = maxEpochs === undefined ? iteration : Math.round((maxEpochs * iteration) / epoch);
  return Math.max(iteration, Math.min(ofEpochs, maxIterations));
}

/**
 * The options for a run that is to end with an iteration: its epochs are increased if they would end it earlier.
 *
 * @param training The state that it continues from.
 */
export function optionsToEndAt(
  lastIteration: number,
  { iteration, epoch, options }: TrainingState,
): { readonly maxIterations: number; readonly maxEpochs?: number } {
  // One more, because the iterations of an epoch are rounded.
  const epochs = Math.ceil((lastIteration * epoch) / iteration) + 1;
  const isEnough = Number(options.maxEpochs) * (iteration / epoch) >= lastIteration;
  return { maxIterations: lastIteration, ...(!isEnough && { maxEpochs: epochs }) };
}
