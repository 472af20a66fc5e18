/**
 * The rules for advice: what the losses and the model's size show, and what to try.
 *
 * Pure functions of losses in nats per token. No condition is met by noise alone: each needs several evaluations or whole epochs, and a
 * difference that is a certain fraction of the loss.
 */
import type { Remedy } from '../../errors.ts';
import type { CountModelLoss } from '../../score/count-model/count-model-loss.ts';
import { counted, formatCount } from '../../util/format.ts';
import type { TrainingOptions } from '../options.ts';
import { compareWithBaseline } from './baseline-comparison.ts';
import type { LossPoint } from './loss-curve.ts';

export type AdviceCode =
  | 'overfitting'
  | 'underfitting'
  | 'plateau'
  | 'divergence'
  | 'model-large'
  | 'model-small';

export interface Advice {
  readonly code: AdviceCode;
  /** The observation, and what to try. */
  readonly message: string;
  /** What to try, as options for another run. */
  readonly remedies?: readonly Remedy[] | undefined;
}

/** Overfitting: this many evaluations in a row are above the best validation loss, by more than this fraction of it. */
const RISING_EVALUATIONS = 3;
const MIN_RISE = 0.005;
/** A plateau: over this many evaluations and epochs, the loss changes by less than this fraction. */
const PLATEAU_EVALUATIONS = 5;
const PLATEAU_EPOCHS = 2;
const MAX_PLATEAU_CHANGE = 0.01;
/** Underfitting: the validation loss is at most this fraction above the training loss. */
const MAX_UNDERFITTING_GAP = 0.03;
/** Divergence: two blocks in a row exceed the lowest block by this factor and by this fraction of the first loss. */
const DIVERGENCE_FACTOR = 1.2;
const DIVERGENCE_FRACTION_OF_FIRST = 0.1;
/** A training loss has hardly moved if it is still above this fraction of the first. */
const UNMOVED_FRACTION = 0.9;

/** While the learning rate of a run that lowers it to zero is above this fraction of its peak, the losses are noisy and still fall later. */
const HIGH_RATE = 0.5;

/** The facts of a run that the advice depends on. The learning rate is that of the last iteration. */
export interface AdvisedRun
  extends Pick<
    TrainingOptions,
    'dropout' | 'weightDrop' | 'tokenDropout' | 'hiddenSize' | 'learningRate' | 'schedule'
  > {
  /** The `learningRate` of the options: the highest. */
  readonly peakRate: number;
  /** Path of the checkpoint with the lowest validation loss, if checkpoints are saved. */
  readonly bestPath?: string | undefined;
  /** The count model that the run has to beat, if its loss is known. */
  readonly baseline?: CountModelLoss | undefined;
}

/** Advice after an evaluation. */
export function adviseOnPoints(
  points: readonly LossPoint[],
  first: number | undefined,
  run: AdvisedRun,
): Advice | undefined {
  // A schedule that ends at zero levels the losses off: this says nothing about the model.
  if (!isDecaying(run.schedule))
    return adviseOnOverfitting(points, run) ?? adviseOnPlateau(points, first, run);
  return run.learningRate > HIGH_RATE * run.peakRate ? undefined : adviseOnOverfitting(points, run);
}

/** Whether a schedule lowers the learning rate to zero at the end of the run. */
function isDecaying(schedule: TrainingOptions['schedule']): boolean {
  return schedule !== 'original' && schedule !== 'constant';
}

function adviseOnOverfitting(
  points: readonly LossPoint[],
  { dropout, hiddenSize, bestPath, baseline }: AdvisedRun,
): Advice | undefined {
  const last = points.at(-1);
  if (last?.validationLoss === undefined || last.trainLoss >= last.validationLoss) return undefined;
  const best = lowestPoint(points);
  if (best?.validationLoss === undefined || best.trainLoss <= last.trainLoss) return undefined;
  const limit = best.validationLoss * (1 + MIN_RISE);
  const since = points.slice(points.indexOf(best) + 1);
  const isAbove = since.slice(-RISING_EVALUATIONS).every(({ validationLoss = 0 }) => validationLoss > limit);
  if (since.length < RISING_EVALUATIONS || !isAbove || last.epoch - best.epoch < 0.5) return undefined;
  const stronger = dropout < 0.3 ? 0.3 : 0.5;
  const half = Math.max(1, Math.round(hiddenSize / 2));
  return {
    code: 'overfitting',
    message:
      `validation has risen for ${formatCount(since.length)} evaluations (${best.validationLoss.toFixed(4)} to ${last.validationLoss.toFixed(4)}) ` +
      `while the training loss fell (${best.trainLoss.toFixed(4)} to ${last.trainLoss.toFixed(4)}): overfitting. ` +
      'Try more dropout, fewer hidden units, or more text. ' +
      `The best model so far is that of epoch ${best.epoch.toFixed(1)}${bestPath === undefined ? '' : `, in ${bestPath}`}.` +
      baselineSentence('Its loss', best.validationLoss, baseline),
    remedies: [
      ...(dropout < 0.5
        ? [{ text: 'With more dropout', set: { dropout: stronger, resume: undefined } }]
        : []),
      { text: 'With fewer hidden units', set: { hiddenSize: half, resume: undefined } },
    ],
  };
}

/** Underfitting or a plateau: the losses no longer fall. */
function adviseOnPlateau(
  points: readonly LossPoint[],
  first: number | undefined,
  { dropout, weightDrop, tokenDropout, hiddenSize, learningRate, bestPath, baseline }: AdvisedRun,
): Advice | undefined {
  const recent = points.slice(-PLATEAU_EVALUATIONS);
  const [start] = recent;
  const last = recent.at(-1);
  if (!start || !last || recent.length < PLATEAU_EVALUATIONS || last.epoch - start.epoch < PLATEAU_EPOCHS)
    return undefined;
  if (!isLevel(start.trainLoss, last.trainLoss)) return undefined;
  const { validationLoss } = last;
  const best = lowestPoint(recent)?.validationLoss;
  if (start.validationLoss !== undefined && (best ?? 0) < start.validationLoss * (1 - MAX_PLATEAU_CHANGE))
    return undefined;
  const line = baselineSentence('The lowest validation loss', lowestPoint(points)?.validationLoss, baseline);
  const where = `the losses no longer fall (training ${last.trainLoss.toFixed(4)}${validationLoss === undefined ? '' : `, validation ${validationLoss.toFixed(4)}`})`;
  if (first !== undefined && last.trainLoss > UNMOVED_FRACTION * first) {
    return {
      code: 'plateau',
      message: `the training loss has hardly moved (${first.toFixed(4)} at first, ${last.trainLoss.toFixed(4)} now). Try a larger learning rate, and read some of the text.`,
      remedies: [
        { text: 'With twice the learning rate', set: { learningRate: 2 * learningRate, resume: undefined } },
      ],
    };
  }
  // Dropping units or weights raises the training loss, so that it can't be compared.
  const isComparable = dropout === 0 && weightDrop === 0 && tokenDropout === 0;
  if (
    isComparable &&
    validationLoss !== undefined &&
    validationLoss < last.trainLoss * (1 + MAX_UNDERFITTING_GAP)
  ) {
    return {
      code: 'underfitting',
      message: `${where} and are about equal: underfitting. The model is too small to learn more.${line} Try more hidden units, then a third layer.`,
      remedies: [{ text: 'With more hidden units', set: { hiddenSize: 2 * hiddenSize, resume: undefined } }],
    };
  }
  return {
    code: 'plateau',
    message: `${where}: a plateau.${line} Stop the run, or continue it with a smaller learning rate.`,
    remedies:
      bestPath === undefined
        ? []
        : [
            {
              text: 'To continue from the best model with half the learning rate',
              set: { resume: bestPath, learningRate: halved(learningRate) },
            },
          ],
  };
}

/**
 * Advice between evaluations, from the training loss alone.
 *
 * @param blocks Mean losses of a hundred iterations each.
 */
export function adviseOnBlocks(
  blocks: readonly number[],
  first: number | undefined,
  { learningRate }: Pick<AdvisedRun, 'learningRate'>,
): Advice | undefined {
  const recent = blocks.slice(-2);
  if (first === undefined || blocks.length < 3) return undefined;
  const lowest = blocks.slice(0, -2).reduce((least, mean) => Math.min(least, mean));
  const limit = Math.max(lowest * DIVERGENCE_FACTOR, lowest + DIVERGENCE_FRACTION_OF_FIRST * first);
  if (!recent.every((mean) => mean > limit)) return undefined;
  return {
    code: 'divergence',
    message:
      `the training loss has risen from ${lowest.toFixed(4)} to ${(recent.at(-1) ?? 0).toFixed(4)} (means of 100 iterations): the update steps are too large. ` +
      'Try a smaller learning rate, or limit the gradient.',
    remedies: [
      { text: 'With half the learning rate', set: { learningRate: halved(learningRate), resume: undefined } },
      {
        text: 'With a limit on the gradient',
        set: { meanNormClip: 1, gradientNormClip: undefined, resume: undefined },
      },
    ],
  };
}

/** Advice before training, if the model's size does not suit the text. */
export function adviseOnSize(
  { parameters, tokens }: { readonly parameters: number; readonly tokens: number },
  { hiddenSize, dropout }: Pick<AdvisedRun, 'hiddenSize' | 'dropout'>,
): Advice | undefined {
  const { code, sentence } = judgeSize(parameters, tokens);
  if (!code) return undefined;
  // The number of parameters grows with the square of the hidden size.
  const suitable = Math.max(1, Math.round(hiddenSize * Math.sqrt(tokens / parameters)));
  const remedies: Remedy[] = [
    { text: 'With about one parameter per character', set: { hiddenSize: suitable, resume: undefined } },
  ];
  if (code === 'model-large' && dropout === 0)
    remedies.push({ text: 'With dropout', set: { dropout: 0.3, resume: undefined } });
  return { code, message: sentence, remedies };
}

/**
 * Whether the model's size suits the text: a sentence, with a code if the size should be changed.
 *
 * @param isChosen Whether a preset has chosen the size, for the time that the run may take: then that is not judged.
 */
export function judgeSize(
  parameters: number,
  tokens: number,
  isChosen = false,
): { readonly code: 'model-large' | 'model-small' | undefined; readonly sentence: string } {
  const ratio = tokens / parameters;
  const sizes =
    ratio >= 1
      ? `${counted(Number(ratio.toPrecision(2)), 'character')} per parameter`
      : `${counted(Number((1 / ratio).toPrecision(2)), 'parameter')} per character`;
  if (isChosen) return { code: undefined, sentence: sizes };
  if (ratio > 10) {
    return {
      code: 'model-small',
      sentence: `${sizes}: the model is small for this text. About one is a good ratio; try a larger \`hiddenSize\`.`,
    };
  }
  if (ratio < 0.1) {
    return {
      code: 'model-large',
      sentence: `${sizes}: the model will soon memorise the text. About one is a good ratio; try a smaller \`hiddenSize\`, or \`dropout\`.`,
    };
  }
  return { code: undefined, sentence: `${sizes}: a good size for this text` };
}

/** A sentence, after a space, on a loss and that of the count model; empty if either is unknown. */
function baselineSentence(
  subject: string,
  validationLoss: number | undefined,
  baseline: CountModelLoss | undefined,
): string {
  if (validationLoss === undefined || baseline === undefined) return '';
  return ` ${subject} is ${compareWithBaseline(validationLoss, baseline)}.`;
}

/** Half of a learning rate, rounded to two digits. */
function halved(learningRate: number): number {
  return Number((learningRate / 2).toPrecision(2));
}

function isLevel(before: number, now: number): boolean {
  return Math.abs(before - now) < MAX_PLATEAU_CHANGE * before;
}

function lowestPoint(points: readonly LossPoint[]): LossPoint | undefined {
  return points.reduce<LossPoint | undefined>(
    (best, point) =>
      point.validationLoss !== undefined &&
      !(point.validationLoss >= (best?.validationLoss ?? Number.POSITIVE_INFINITY))
        ? point
        : best,
    undefined,
  );
}
