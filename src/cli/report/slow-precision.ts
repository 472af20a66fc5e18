/** Warns that a large model is slow in double precision, with a faster command. */
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { Precision } from '../../engine/engine.ts';
import { parameterCount } from '../../engine/layout.ts';
import { layoutOf } from '../../model/config.ts';
import { type FailedCommand, remedyLines } from './report-error.ts';

/** Smaller models are fast either way: 2 layers of 128 sample 2,000 characters in a second. */
const MIN_SLOW_PARAMETERS = 1_000_000;

/**
 * The lines of the warning; none if the model is small or the precision was chosen.
 *
 * The file's own precision stays the default, because the text for a seed depends on it. Measured with a double-precision .t7 of 3 layers
 * of 512 on two cores of a Zen 5: 15 ms per character in float64, 1.3 ms in float32.
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
      [
        {
          text: 'To compute in float32, in which a seed may give another text',
          set: { precision: 'float32' },
        },
      ],
      typed,
    ),
  ];
}
