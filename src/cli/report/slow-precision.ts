/** That a large model in double precision takes long, and the command that does not. */

import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { Precision } from '../../engine/engine.ts';
import { parameterCount } from '../../engine/layout.ts';
import { layoutOf } from '../../model/config.ts';
import { type FailedCommand, remedyLines } from './report-error.ts';

/** Parameters from which on it matters: 128 × 2 samples 2,000 characters in a second either way. */
const MIN_SLOW_PARAMETERS = 1_000_000;

/**
 * Lines for people; none where it is fast enough or was asked for.
 *
 * The file's own precision stays the default, since the text of a seed depends on it. Measured on a double .t7 of 512 × 3 on two cores of
 * a Zen 5: 15 ms a character in float64, 1.3 ms in float32.
 */
export function slowPrecisionLines(
  { precision, config }: Checkpoint,
  asked: Precision | undefined,
  typed: FailedCommand,
): string[] {
  if (asked !== undefined || precision !== 'float64') return [];
  if (parameterCount(layoutOf(config)) < MIN_SLOW_PARAMETERS) return [];
  return [
    'this model runs in float64, as stored in its file; float32 is about ten times as fast.',
    ...remedyLines(
      [{ text: 'To compute in float32, where a seed may give another text', set: { precision: 'float32' } }],
      typed,
    ),
  ];
}
