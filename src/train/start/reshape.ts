/**
 * Going on with a run in batches of another size or sequences of another length.
 *
 * What is held out stays: the first shape of the run decides which text that is, and validation is measured in that shape, so that losses
 * before and after compare. The rest of the text is cut into batches of the new shape. Iterations go on counting updates; a batch offset
 * ties them to the place in the text, which stays the same part of the epoch.
 */

import type { TrainingState } from '../../checkpoint/checkpoint.ts';
import { isSameShape, type Shape, trainingBatches } from '../../data/batches/splits.ts';
import type { Corpus } from '../../data/corpus.ts';
import type { Layout } from '../../engine/layout.ts';
import { formatCount } from '../../util/format.ts';
import type { TrainingOptions } from '../options.ts';
import { zeroState } from '../run/run-state.ts';
import { storedTrainingOptions } from './resume.ts';

export interface ReshapedRun {
  /** The state for the options' shape. */
  readonly training: TrainingState;
  /** What was changed, for people. */
  readonly notices: readonly string[];
}

/** @throws {TextError} `text-no-training-split` where the text makes no batch of the new shape */
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
    training.iteration + (training.shapeChange?.batchOffset ?? 0),
    countBefore,
    count,
  );
  const keepsState = options.batchSize === before.batchSize;
  const { good: _, ...stability } = training.stability ?? { skips: 0, retries: 0 };
  return {
    training: {
      ...training,
      batchSize: options.batchSize,
      cursor: position % count,
      carriedState: keepsState ? training.carriedState : zeroState(layout, options),
      // The last good state has the old shape: an explosion leads back to this moment.
      stability: training.stability && stability,
      shapeChange: { batchOffset: position - training.iteration, heldOut },
    },
    notices: [
      `batches of ${shapeText(options)} instead of ${shapeText(before)}: the weights, the optimizer's moments and the learning rate are kept; ` +
        `training goes on at epoch ${(position / count).toFixed(2)}, which now has ${formatCount(count)} iterations instead of ${formatCount(countBefore)}; ` +
        `the carried state ${keepsState ? 'is kept' : 'starts at zero'}; ` +
        `the held-out text stays the same and is measured in batches of ${shapeText(heldOut)}, so that losses compare`,
    ],
  };
}

/** Batches of the new shape up to the same part of the same epoch, rounded down: nothing is passed over. */
function positionInNew(position: number, countBefore: number, count: number): number {
  const epochs = Math.floor(position / countBefore);
  return epochs * count + Math.floor(((position % countBefore) * count) / countBefore);
}

function shapeText({ batchSize, sequenceLength }: Shape): string {
  return `${formatCount(batchSize)} × ${formatCount(sequenceLength)}`;
}
