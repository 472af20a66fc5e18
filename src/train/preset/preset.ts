/**
 * Chooses the settings of a run from the text's size, the time it may take and the speed of the machine.
 *
 * The formulas were fitted to trials on texts of 0.2 and 1 million characters (docs/decisions/presets.md).
 *
 * Powers and logarithms may differ in the last bit between JavaScript engines, so a value at the edge of its rounding may differ too. A run
 * does not depend on that: it stores the options that were chosen, and a resumed run does not choose again.
 */

import type { Shape } from '../../data/batches/splits.ts';
import { type Cell, gateCount } from '../../engine/cells.ts';
import { parameterCount } from '../../engine/layout.ts';
import { layoutOf } from '../../model/config.ts';
import type { TrainingOptions } from '../options.ts';

/** The presets that choose, and the time of a run if none is given, in seconds. */
export const PRESET_SECONDS = { small: 120, balanced: 600, best: 3600 } as const;

export interface PresetInput {
  /** How long the run may take, in seconds. */
  readonly seconds: number;
  /** Symbols in the training text, N. */
  readonly symbols: number;
  /** Symbols in the validation text, which every evaluation reads. */
  readonly validationSymbols: number;
  readonly vocabularySize: number;
  /** Floating-point operations that a training run does in a second, R. */
  readonly flopsPerSecond: number;
  /** A shape of batches that suits the text, at most as large as the wanted one. */
  fitShape(shape: Shape): Shape;
  /** Options that the user has set: the others are chosen to go with them. */
  readonly given: Partial<TrainingOptions>;
}

/** What a preset chooses. */
export type PresetValues = Pick<
  TrainingOptions,
  | 'cell'
  | 'gruReset'
  | 'hiddenSize'
  | 'layers'
  | 'init'
  | 'dropout'
  | 'dropoutMask'
  | 'weightDrop'
  | 'tokenDropout'
  | 'optimizer'
  | 'schedule'
  | 'warmup'
  | 'batchSize'
  | 'sequenceLength'
  | 'randomOffset'
  | 'maxEpochs'
  | 'evaluateEvery'
> &
  Partial<Pick<TrainingOptions, 'meanNormClip' | 'adamBeta2' | 'learningRate'>>;

/** A run of less than this gets a gru: three quarters of an lstm's time, and better until the lstm catches up. In seconds. */
const GRU_BELOW = 600;
/** The share of the time for training and the evaluation at its end. */
const TRAINING_SHARE = 0.95;
/** The share for other evaluations, of which there may be fewer than usual. The rest is left for samples and checkpoints. */
const EVALUATION_SHARE = 0.03;
/** Training gets at least this part of its share, however long the evaluation at its end takes. */
const LEAST_TRAINING = 0.5;
/** An evaluation of a symbol takes a third of the operations of training on it: it has no backward pass. */
const EVALUATION_COST = 1 / 3;
/** Hidden units are a multiple of this. */
export const UNIT_STEP = 32;
/** The fewest units that a preset chooses. */
export const MIN_UNITS = 64;
/** With fewer units than this, fewer epochs with a larger model learn more, down to a share of the usual ones. */
const FEW_UNITS = 128;
const LEAST_EPOCHS = 1 / 8;
/** Fewer updates than this make smaller batches worth their noise. */
const ENOUGH_UPDATES = 6000;
/** A run with fewer updates needs a higher learning rate. */
const FEW_UPDATES = 3000;
/** Evaluations of a run, at most. */
const EVALUATIONS = 20;
/** Layers with fewer units than this need less dropout. */
const WIDE = 512;

/** The settings of a preset. Those that are given stay as they are. */
export function choosePreset(input: PresetInput): PresetValues {
  const { seconds, symbols, validationSymbols, vocabularySize, flopsPerSecond, fitShape, given } = input;
  const cell = given.cell ?? (seconds < GRU_BELOW ? 'gru' : 'lstm');
  const layers = given.layers ?? 2;
  const { embeddingSize, accumulate = 1, maxIterations = Number.POSITIVE_INFINITY } = given;
  const operations = seconds * flopsPerSecond;
  const model = { cell, layers, vocabularySize, embeddingSize };
  const texts = { symbols, evaluated: validationSymbols * EVALUATION_COST };
  const { hiddenSize, epochs } = chooseSize({
    ...model,
    ...texts,
    budget: TRAINING_SHARE * operations,
    given,
  });
  const maxEpochs = given.maxEpochs ?? epochs;
  const wanted = {
    batchSize: given.batchSize ?? 64,
    sequenceLength: given.sequenceLength ?? (symbols < 500_000 ? 64 : seconds > 3600 ? 128 : 80),
  };
  const updatesIn = (shape: Shape) => updatesOf(symbols, { ...shape, maxEpochs, accumulate, maxIterations });
  // Smaller batches do not make more updates than `maxIterations` allows.
  const enough = Math.min(ENOUGH_UPDATES, maxIterations);
  if (given.batchSize === undefined)
    while (wanted.batchSize > 16 && updatesIn(wanted) < enough) wanted.batchSize /= 2;
  const { batchSize, sequenceLength } = fitShape(wanted);
  const updates = updatesIn({ batchSize, sequenceLength });
  const seen = updates * symbolsPerUpdate({ batchSize, sequenceLength, accumulate });
  const parameters = parameterCount(layoutOf({ ...model, hiddenSize }));
  const capacity = Math.log10((seen * parameters) / symbols ** 2);
  const width = Math.min(1, Math.sqrt(hiddenSize / WIDE));
  const dropout = given.dropout ?? rounded(clamp(0.25 * capacity * width, 0, 0.5), 2);
  const isHeavy = dropout > 0.2;
  const optimizer = given.optimizer ?? 'adam';
  const peak = (updates < FEW_UPDATES ? 0.15 : 0.1) / Math.sqrt(hiddenSize);
  const rate = peak * Math.sqrt((batchSize * accumulate) / 32);
  const evaluation = flopsPerSymbol({ ...model, hiddenSize }) * texts.evaluated;
  // One more is the evaluation at the end, which has its part of the other share.
  const others = Math.floor((EVALUATION_SHARE * operations) / evaluation);
  const evaluations = Math.min(EVALUATIONS, 1 + others);
  const chosen: PresetValues = {
    ...{ cell, gruReset: 'after', hiddenSize, layers, init: 'scaled' },
    ...{ dropout, dropoutMask: 'sequence' },
    ...{
      weightDrop: isHeavy ? rounded(Math.min(dropout - 0.1, 0.3), 2) : 0,
      tokenDropout: isHeavy ? 0.05 : 0,
    },
    optimizer,
    // The rate was fitted to Adam. Another optimizer keeps the default of the program.
    ...(optimizer === 'adam' && { adamBeta2: 0.99, learningRate: Number(rate.toPrecision(2)) }),
    ...{ schedule: 'cosine', warmup: 0.02 },
    ...(given.gradientNormClip === undefined && { meanNormClip: 1 }),
    ...{ batchSize, sequenceLength, randomOffset: true, maxEpochs },
    evaluateEvery: Math.max(1, Math.ceil(Math.ceil(updates) / evaluations)),
  };
  return { ...chosen, ...given };
}

/** Options that determine how long a run takes. */
type TimedOptions = Omit<SizedModel, 'vocabularySize'> &
  Pick<TrainingOptions, 'maxEpochs' | 'batchSize' | 'sequenceLength' | 'evaluateEvery'> &
  Partial<Pick<TrainingOptions, 'accumulate' | 'maxIterations'>>;

/** The updates of a run: a fraction if the text does not fill the last one. */
function updatesOf(
  symbols: number,
  {
    maxEpochs,
    maxIterations = Number.POSITIVE_INFINITY,
    ...batches
  }: Omit<TimedOptions, keyof SizedModel | 'evaluateEvery'>,
): number {
  return Math.min(maxIterations, (symbols * maxEpochs) / symbolsPerUpdate(batches));
}

function symbolsPerUpdate({
  batchSize,
  sequenceLength,
  accumulate = 1,
}: Pick<TimedOptions, 'batchSize' | 'sequenceLength' | 'accumulate'>): number {
  return batchSize * sequenceLength * accumulate;
}

/** The seconds of a run with these options: training and evaluations. */
export function secondsOfRun(
  {
    symbols,
    validationSymbols,
    vocabularySize,
    flopsPerSecond,
  }: Omit<PresetInput, 'seconds' | 'fitShape' | 'given'>,
  options: TimedOptions,
): number {
  const updates = updatesOf(symbols, options);
  const evaluations = Math.ceil(updates / options.evaluateEvery);
  const read = updates * symbolsPerUpdate(options) + evaluations * validationSymbols * EVALUATION_COST;
  return (read * flopsPerSymbol({ ...options, vocabularySize })) / flopsPerSecond;
}

interface SizeInput extends Omit<SizedModel, 'hiddenSize'> {
  /** Symbols in the training text. */
  readonly symbols: number;
  /** The evaluation at the end takes as many operations as training on this many symbols. */
  readonly evaluated: number;
  /** Floating-point operations of the run. */
  readonly budget: number;
  readonly given: Partial<TrainingOptions>;
}

/** Divides the budget between the size of the model and the number of epochs. */
function chooseSize(input: SizeInput): { hiddenSize: number; epochs: number } {
  const { budget, symbols, evaluated, given, ...model } = input;
  const usual = given.maxEpochs ?? clamp(30 * (symbols / 1e6) ** -0.4, 3, 100);
  const unitsFor = (epochs: number) => unitsOf(budget / (epochs * symbols + evaluated), model);
  const epochsFor = (units: number) => {
    const affordable = budget / flopsPerSymbol({ ...model, hiddenSize: units });
    return Math.max(affordable - evaluated, LEAST_TRAINING * affordable) / symbols;
  };
  let hiddenSize = given.hiddenSize;
  if (hiddenSize === undefined) {
    const wanted = given.maxEpochs ?? clamp(epochsFor(FEW_UNITS), LEAST_EPOCHS * usual, usual);
    const most = Math.max(MIN_UNITS, roundedDown(2 * symbols ** 0.4));
    hiddenSize = clamp(UNIT_STEP * Math.round(unitsFor(wanted) / UNIT_STEP), MIN_UNITS, most);
  }
  const affordable = epochsFor(hiddenSize);
  const epochs = Math.min(affordable, 1.5 * usual);
  return { hiddenSize, epochs: epochs < 3 ? Number(epochs.toPrecision(3)) : Math.floor(epochs) };
}

interface SizedModel {
  readonly cell: Cell;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  readonly embeddingSize?: number | undefined;
}

/**
 * Floating-point operations of training on one symbol: 6 · (G·H²·(2L − 1) + G·H·D + H·V), two for each multiply-add in the forward pass and four
 * in the backward pass. The first layer looks its input up, or multiplies an embedding of size D.
 */
export function flopsPerSymbol(model: SizedModel): number {
  const { cell, layers, vocabularySize, hiddenSize, embeddingSize = 0 } = model;
  const perGate = hiddenSize ** 2 * (2 * layers - 1) + hiddenSize * embeddingSize;
  return 6 * (gateCount(cell) * perGate + hiddenSize * vocabularySize);
}

/** The hidden units with which a symbol takes this many operations: `flopsPerSymbol`, solved for H. */
function unitsOf(flops: number, model: Omit<SizedModel, 'hiddenSize'>): number {
  const { cell, layers, vocabularySize, embeddingSize = 0 } = model;
  const square = gateCount(cell) * (2 * layers - 1);
  const linear = vocabularySize + gateCount(cell) * embeddingSize;
  return (Math.sqrt(linear * linear + (4 * square * flops) / 6) - linear) / (2 * square);
}

function roundedDown(units: number): number {
  // Units that are solved for may be a rounding error below a multiple.
  return Math.floor((units + 1e-6) / UNIT_STEP) * UNIT_STEP;
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
