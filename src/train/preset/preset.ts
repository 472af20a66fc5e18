/**
 * Chooses the settings of a run from the text's size, the time it may take and the speed of the machine.
 *
 * The formulas were fitted to trials on texts of 0.2 and 1 million characters (docs/decisions/presets.md).
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
  | 'adamBeta2'
  | 'learningRate'
  | 'schedule'
  | 'warmup'
  | 'batchSize'
  | 'sequenceLength'
  | 'randomOffset'
  | 'maxEpochs'
  | 'evaluateEvery'
> &
  Partial<Pick<TrainingOptions, 'meanNormClip'>>;

/** A run of less than this gets a gru: three quarters of an lstm's time, and better until the lstm catches up. In seconds. */
const GRU_BELOW = 600;
/** A share of the time is left for evaluations and checkpoints. */
const TRAINING_SHARE = 0.95;
/** Hidden units are a multiple of this. */
const UNIT_STEP = 32;
const MIN_UNITS = 64;
/** With fewer units than this, fewer epochs with a larger model learn more, down to a share of the usual ones. */
const FEW_UNITS = 128;
const LEAST_EPOCHS = 1 / 3;
/** Fewer updates than this make smaller batches worth their noise. */
const ENOUGH_UPDATES = 6000;
/** A run with fewer updates needs a higher learning rate. */
const FEW_UPDATES = 3000;
const EVALUATIONS = 20;
/** Layers with fewer units than this need less dropout. */
const WIDE = 512;

/** The settings of a preset. Those that are given stay as they are. */
export function choosePreset(input: PresetInput): PresetValues {
  const { seconds, symbols, vocabularySize, flopsPerSecond, fitShape, given } = input;
  const cell = given.cell ?? (seconds < GRU_BELOW ? 'gru' : 'lstm');
  const layers = given.layers ?? 2;
  const budget = TRAINING_SHARE * seconds * flopsPerSecond;
  const { hiddenSize, epochs } = chooseSize({ cell, layers, vocabularySize, symbols, budget, given });
  const maxEpochs = given.maxEpochs ?? epochs;
  const wanted = {
    batchSize: given.batchSize ?? 64,
    sequenceLength: given.sequenceLength ?? (symbols < 500_000 ? 64 : seconds > 3600 ? 128 : 80),
  };
  const updatesIn = ({ batchSize: B, sequenceLength: T }: Shape) => (symbols * maxEpochs) / (B * T);
  if (given.batchSize === undefined)
    while (wanted.batchSize > 16 && updatesIn(wanted) < ENOUGH_UPDATES) wanted.batchSize /= 2;
  const { batchSize, sequenceLength } = fitShape(wanted);
  const updates = updatesIn({ batchSize, sequenceLength });
  const parameters = parameterCount(layoutOf({ cell, layers, hiddenSize, vocabularySize }));
  const capacity = Math.log10((maxEpochs * parameters) / symbols);
  const width = Math.min(1, Math.sqrt(hiddenSize / WIDE));
  const dropout = rounded(clamp(0.25 * capacity * width, 0, 0.5), 2);
  const isHeavy = dropout > 0.2;
  const rate = ((updates < FEW_UPDATES ? 0.15 : 0.1) / Math.sqrt(hiddenSize)) * Math.sqrt(batchSize / 32);
  const chosen: PresetValues = {
    ...{ cell, gruReset: 'after', hiddenSize, layers, init: 'scaled' },
    ...{ dropout, dropoutMask: 'sequence' },
    ...{
      weightDrop: isHeavy ? rounded(Math.min(dropout - 0.1, 0.3), 2) : 0,
      tokenDropout: isHeavy ? 0.05 : 0,
    },
    ...{ optimizer: 'adam', adamBeta2: 0.99, learningRate: Number(rate.toPrecision(2)) },
    ...{ schedule: 'cosine', warmup: 0.02 },
    ...(given.gradientNormClip === undefined && { meanNormClip: 1 }),
    ...{ batchSize, sequenceLength, randomOffset: true, maxEpochs },
    evaluateEvery: Math.max(1, Math.round(updates / EVALUATIONS)),
  };
  return { ...chosen, ...given };
}

interface SizeInput {
  readonly cell: Cell;
  readonly layers: number;
  readonly vocabularySize: number;
  readonly symbols: number;
  /** Floating-point operations of the run. */
  readonly budget: number;
  readonly given: Partial<TrainingOptions>;
}

/** Divides the budget between the size of the model and the number of epochs. */
function chooseSize({ budget, symbols, given, ...model }: SizeInput): { hiddenSize: number; epochs: number } {
  const usual = given.maxEpochs ?? clamp(30 * (symbols / 1e6) ** -0.4, 3, 100);
  const unitsFor = (epochs: number) => unitsOf(budget / (epochs * symbols), model);
  const epochsFor = (units: number) => budget / (symbols * flopsPerSymbol({ ...model, hiddenSize: units }));
  let hiddenSize = given.hiddenSize;
  if (hiddenSize === undefined) {
    const wanted = given.maxEpochs ?? clamp(epochsFor(FEW_UNITS), LEAST_EPOCHS * usual, usual);
    const most = Math.max(MIN_UNITS, roundedDown(2 * symbols ** 0.4));
    hiddenSize = clamp(roundedDown(unitsFor(wanted)), MIN_UNITS, most);
  }
  const affordable = epochsFor(hiddenSize);
  const epochs = Math.min(affordable, 1.5 * usual);
  return { hiddenSize, epochs: epochs < 3 ? Number(epochs.toPrecision(2)) : Math.floor(epochs) };
}

type SizedModel = Pick<SizeInput, 'cell' | 'layers' | 'vocabularySize'> & { readonly hiddenSize: number };

/**
 * Floating-point operations of training on one symbol: 6 · (G·H²·(2L − 1) + H·V), two for each multiply-add in the forward pass and four in the
 * backward pass. The first layer looks its input up.
 */
export function flopsPerSymbol({ cell, layers, vocabularySize, hiddenSize }: SizedModel): number {
  return 6 * (gateCount(cell) * hiddenSize ** 2 * (2 * layers - 1) + hiddenSize * vocabularySize);
}

/** The hidden units with which a symbol takes this many operations: `flopsPerSymbol`, solved for H. */
function unitsOf(flops: number, { cell, layers, vocabularySize: V }: Omit<SizedModel, 'hiddenSize'>): number {
  const square = gateCount(cell) * (2 * layers - 1);
  return (Math.sqrt(V * V + (4 * square * flops) / 6) - V) / (2 * square);
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
