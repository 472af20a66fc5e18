/** The best validation loss of a run. */
import type { LossRecord } from '../../checkpoint/checkpoint.ts';

/**
 * @param end The last iteration of the run, with its epoch.
 * @returns the first of equal losses; undefined if none was measured
 */
export function bestLoss(
  { iterations, values }: LossRecord,
  end: { readonly iteration: number; readonly epoch: number },
): { loss: number; iteration: number; epoch: number } | undefined {
  let at = 0;
  for (const [index, value] of values.entries()) if (value < (values[at] as number)) at = index;
  const [loss, iteration] = [values[at], iterations[at]];
  if (loss === undefined || iteration === undefined) return undefined;
  return { loss, iteration, epoch: (iteration / end.iteration) * end.epoch };
}
