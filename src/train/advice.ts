/**
 * What the course of the two losses says, and what to do about it.
 *
 * Pure functions over losses in nats a token. Each condition asks for more than noise: several evaluations, whole epochs, a
 * difference that is a part of the loss.
 */
import { formatCount } from '../util/format-number.ts';
import type { LossPoint } from './loss-course.ts';
import type { TrainingOptions } from './options.ts';

export type AdviceCode =
  | 'overfitting'
  | 'underfitting'
  | 'plateau'
  | 'divergence'
  | 'model-large'
  | 'model-small';

export interface Advice {
  readonly code: AdviceCode;
  /** What is seen, and what to try. */
  readonly message: string;
}

/** Evaluations above the best before validation counts as rising, and by which part of the best. */
const RISES = 3;
const RISE = 0.005;
/** Evaluations, and epochs, over which a loss counts as level when it fell by less than a part of itself. */
const LEVEL_POINTS = 5;
const LEVEL_EPOCHS = 2;
const LEVEL_FALL = 0.01;
/** Validation this part above the training loss is no underfitting. */
const GAP = 0.03;
/** Two blocks in a row this far above the lowest one, as a part of it and of the first loss: divergence. */
const LIFT = 1.2;
const LIFT_OF_FIRST = 0.1;
/** A loss that is still above this part of the first has hardly moved. */
const UNMOVED = 0.9;

/** What of a run the advice depends on; the learning rate is that of the last iteration. */
export interface AdvisedRun extends Pick<TrainingOptions, 'dropout' | 'hiddenSize' | 'learningRate'> {
  /** Path of the checkpoint with the lowest validation loss, if one is saved. */
  readonly bestPath?: string | undefined;
}

/** Advice after an evaluation. */
export function adviseOnPoints(
  points: readonly LossPoint[],
  first: number | undefined,
  run: AdvisedRun,
): Advice | undefined {
  return overfitting(points, run) ?? levelledOut(points, first, run);
}

function overfitting(
  points: readonly LossPoint[],
  { dropout, hiddenSize, bestPath }: AdvisedRun,
): Advice | undefined {
  const last = points.at(-1);
  if (last?.validationLoss === undefined || last.trainLoss >= last.validationLoss) return undefined;
  const best = lowest(points);
  if (best?.validationLoss === undefined || best.trainLoss <= last.trainLoss) return undefined;
  const limit = best.validationLoss * (1 + RISE);
  const since = points.slice(points.indexOf(best) + 1);
  const isAbove = since.slice(-RISES).every(({ validationLoss = 0 }) => validationLoss > limit);
  if (since.length < RISES || !isAbove || last.epoch - best.epoch < 0.5) return undefined;
  const more = dropout < 0.5 ? `-dropout ${dropout < 0.3 ? 0.3 : 0.5}, ` : '';
  return {
    code: 'overfitting',
    message:
      `validation has risen for ${formatCount(since.length)} evaluations (${best.validationLoss.toFixed(4)} to ${last.validationLoss.toFixed(4)}) ` +
      `while the training loss fell (${best.trainLoss.toFixed(4)} to ${last.trainLoss.toFixed(4)}): overfitting. ` +
      `Try ${more}an -rnn_size below ${formatCount(hiddenSize)}, or more text; ` +
      `${bestPath === undefined ? 'the best so far was that' : `${bestPath} holds the best so far,`} of epoch ${best.epoch.toFixed(1)}.`,
  };
}

/** Underfitting or a plateau: the losses no longer fall. */
function levelledOut(
  points: readonly LossPoint[],
  first: number | undefined,
  { hiddenSize, learningRate }: AdvisedRun,
): Advice | undefined {
  const recent = points.slice(-LEVEL_POINTS);
  const [start] = recent;
  const last = recent.at(-1);
  if (!start || !last || recent.length < LEVEL_POINTS || last.epoch - start.epoch < LEVEL_EPOCHS)
    return undefined;
  if (!isLevel(start.trainLoss, last.trainLoss)) return undefined;
  const { validationLoss } = last;
  const best = lowest(recent)?.validationLoss ?? 0;
  if (start.validationLoss !== undefined && best < start.validationLoss * (1 - LEVEL_FALL)) return undefined;
  const where = `the losses no longer fall (training ${last.trainLoss.toFixed(4)}${validationLoss === undefined ? '' : `, validation ${validationLoss.toFixed(4)}`})`;
  if (first !== undefined && last.trainLoss > UNMOVED * first) {
    return {
      code: 'plateau',
      message: `the training loss has hardly moved (${first.toFixed(4)} at first, ${last.trainLoss.toFixed(4)} now). Try twice the -learning_rate, and look at the text.`,
    };
  }
  if (validationLoss !== undefined && validationLoss < last.trainLoss * (1 + GAP)) {
    return {
      code: 'underfitting',
      message: `${where} and are about equal: underfitting, the model is too small for more. Try an -rnn_size above ${formatCount(hiddenSize)}, then a third layer.`,
    };
  }
  return {
    code: 'plateau',
    message: `${where}: a plateau. Stop here, or go on with a smaller step: --resume -learning_rate ${Number((learningRate / 2).toPrecision(2))}`,
  };
}

/**
 * Advice on the training loss alone, between evaluations.
 *
 * @param blocks Means of a hundred iterations each.
 */
export function adviseOnBlocks(blocks: readonly number[], first: number | undefined): Advice | undefined {
  const recent = blocks.slice(-2);
  if (first === undefined || blocks.length < 3) return undefined;
  const floor = blocks.slice(0, -2).reduce((least, mean) => Math.min(least, mean));
  const limit = Math.max(floor * LIFT, floor + LIFT_OF_FIRST * first);
  if (!recent.every((mean) => mean > limit)) return undefined;
  return {
    code: 'divergence',
    message:
      `the training loss has risen from ${floor.toFixed(4)} to ${(recent.at(-1) ?? 0).toFixed(4)} (means of 100 iterations): the steps are too long. ` +
      'Try half the -learning_rate, or --clip_norm 1.',
  };
}

/** How the model's size suits the text: a sentence, and whether it should be heeded. */
export function judgeSize(
  parameters: number,
  tokens: number,
): { readonly code: 'model-large' | 'model-small' | undefined; readonly sentence: string } {
  const ratio = tokens / parameters;
  const sizes =
    ratio >= 1
      ? `1 parameter for ${formatCount(Number(ratio.toPrecision(2)))} characters of text`
      : `${formatCount(Number((1 / ratio).toPrecision(2)))} parameters for a character of text`;
  if (ratio > 10) {
    return {
      code: 'model-small',
      sentence: `${sizes}: the model is small for this text; about as many of one as of the other learn most. Try a larger -rnn_size.`,
    };
  }
  if (ratio < 0.1) {
    return {
      code: 'model-large',
      sentence: `${sizes}: it will soon learn the text by heart; about as many of one as of the other is a good rule. Try a smaller -rnn_size, or -dropout.`,
    };
  }
  return { code: undefined, sentence: `${sizes}, of the same order, as it should be` };
}

function isLevel(before: number, now: number): boolean {
  return Math.abs(before - now) < LEVEL_FALL * before;
}

function lowest(points: readonly LossPoint[]): LossPoint | undefined {
  return points.reduce<LossPoint | undefined>(
    (best, point) =>
      point.validationLoss !== undefined &&
      !(point.validationLoss >= (best?.validationLoss ?? Number.POSITIVE_INFINITY))
        ? point
        : best,
    undefined,
  );
}
