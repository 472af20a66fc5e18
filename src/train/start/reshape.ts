/**
 * Resumes a run with another batch size or sequence length.
 *
 * The held-out text stays the same: it is determined by the first shape of the run, and is evaluated in that shape, so that losses before
 * and after are comparable. The training text is cut into batches of the new shape. The iteration keeps counting updates. A batch offset
 * maps it to the position in the text, which stays at the same fraction of the epoch.
 */

import type { TrainingState } from '../../checkpoint/checkpoint.ts';
import { isSameShape, type Shape, trainingBatches } from '../../data/batches/splits.ts';
import type { Corpus } from '../../data/corpus.ts';
import type { Layout } from '../../engine/layout.ts';
import { counted, formatCount } from '../../util/format.ts';
import type { TrainingOptions } from '../options.ts';
import { zeroState } from '../run/run-state.ts';
import { storedTrainingOptions } from './resume.ts';

export interface ReshapedRun {
  /** The training state in the new shape. */
  readonly training: TrainingState;
  /** What has changed, for the user. */
  readonly notices: readonly string[];
}

/**
 * The training state of a checkpoint in the shape that the options ask for.
 *
 * @throws {TextError} `text-no-training-split` if the text is too short for one batch of the new shape
 */
export function reshapeRun(
  training: TrainingState,
  corpus: Corpus,
  options: TrainingOptions,
  layout: Layout,
): ReshapedRun {
  const { sequenceLength } = storedTrainingOptions(training, 'the checkpoint');
  const before: Shape = { batchSize: training.batchSize, sequenceLength };
  if (isSameShape(before, options)) return { training, notices: [] };
  const heldOut = training.shapeChange?.heldOut ?? before;
  const countBefore = trainingBatches(corpus, { ...options, ...before, heldOut });
  const count = trainingBatches(corpus, { ...options, heldOut });
  const position = positionInNew(
    training.iteration * options.accumulate + (training.shapeChange?.batchOffset ?? 0),
    countBefore,
    count,
  );
  // A random offset is a share of the training text. The length of that depends on the shape, so the rows begin at other places.
  const keepsState = options.batchSize === before.batchSize && !options.randomOffset;
  const { good: _, ...stability } = training.stability ?? { skips: 0, retries: 0 };
  return {
    training: {
      ...training,
      batchSize: options.batchSize,
      cursor: position % count,
      carriedState: keepsState ? training.carriedState : zeroState(layout, options),
      // The last good state has the old shape and is dropped: after an explosion, the run returns to this point.
      stability: training.stability && stability,
      shapeChange: { batchOffset: position - training.iteration * options.accumulate, heldOut },
    },
    notices: [
      `batches of ${shapeText(options)} instead of ${shapeText(before)}: the weights, the optimizer's moments and the learning rate are kept; ` +
        `training continues at epoch ${(position / count).toFixed(2)}, which now has ${counted(count, 'iteration')} instead of ${formatCount(countBefore)}; ` +
        `the carried state ${keepsState ? 'is kept' : 'starts at zero'}; ` +
        `the held-out text stays the same and is measured in batches of ${shapeText(heldOut)}, so that losses compare`,
    ],
  };
}

/** The position in batches of the new shape, at the same fraction of the same epoch. Rounded down, so that no text is skipped. */
function positionInNew(position: number, countBefore: number, count: number): number {
  const epochs = Math.floor(position / countBefore);
  return epochs * count + Math.floor(((position % countBefore) * count) / countBefore);
}

function shapeText({ batchSize, sequenceLength }: Shape): string {
  return `${formatCount(batchSize)} × ${formatCount(sequenceLength)}`;
}
