/** Estimates the memory of a training run or of a model in use, before anything is allocated. */
import { cellFacts, gateCount } from '../engine/cells.ts';
import {
  type Compute,
  capabilityFor,
  type Engine,
  type EngineLimits,
  type Precision,
} from '../engine/engine.ts';
import { parameterCount, recurrentModules } from '../engine/layout.ts';
import { sizeOf } from '../engine/sizes.ts';
import { MemoryError, type Remedy } from '../errors.ts';
import { formatBytes, formatCount } from '../util/format.ts';
import { layoutOf, MAX_LAYERS, type ModelConfig } from './config.ts';

export interface MemoryNeeds {
  readonly precision: Precision;
  /** What training computes products in. Default: the precision. */
  readonly compute?: Compute | undefined;
  /** The shape of a batch; 1 × 1 for sampling. */
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** Moments that the optimizer keeps; undefined without training. */
  readonly moments?: number | undefined;
  /** Whether training needs a copy of the weights, in which some are dropped. */
  readonly dropsWeights?: boolean | undefined;
  /** Whether training keeps the mean gradient of several batches. */
  readonly accumulates?: boolean | undefined;
  /** Whether training keeps an average of the weights. */
  readonly averages?: boolean | undefined;
  /** Whether checkpoints are saved: a save needs a copy of parameters, their average and moments. */
  readonly saves?: boolean | undefined;
  /** Whether the run keeps its last good state, to go back to after an explosion. */
  readonly retries?: boolean | undefined;
  /** Whether the run keeps a copy of its state, because its engine can be lost. */
  readonly copies?: boolean | undefined;
}

/**
 * Bytes of a model's arrays: parameters, gradient and moments; outputs and tapes of all layers; logits.
 *
 * The estimate is within 25% of what the engines use. It does not include the memory of the program itself.
 */
export function estimateMemory(config: ModelConfig, needs: MemoryNeeds): number {
  const { batchSize: B, sequenceLength: T, moments } = needs;
  const { hiddenSize: H, vocabularySize: V, cell, embeddingSize: D = 0 } = config;
  const isTrained = moments !== undefined;
  const extra = Number(needs.dropsWeights ?? false) + Number(needs.accumulates ?? false);
  const vectors = isTrained ? 1 + extra + stateVectors(needs) : 1;
  const layout = layoutOf(config);
  const G = gateCount(cell);
  const layers = recurrentModules(layout).map(({ input, inputSize }) => {
    const P = Math.ceil((T * B) / 2);
    const own = { G, K: cellFacts(cell).kept.length, H, D: input === 'dense' ? inputSize : 0, P };
    return {
      kept: T * B * H + (isTrained ? sizeOf('tape', { ...own, T, B }) : 0),
      scratch:
        sizeOf('recurrentScratch', { ...own, B }) +
        (capabilityFor(needs.compute) === 'bfloat16' ? sizeOf('recurrentPacked', { ...own, B }) : 0),
    };
  });
  const kept = layers.reduce((sum, layer) => sum + layer.kept, 0);
  const scratch = Math.max(...layers.map((layer) => layer.scratch));
  // The two gradients of layers' outputs, and both operands of a weight gradient, transposed.
  const work = isTrained ? T * B * H * (2 + G + 1) : 0;
  const decoder = T * B * V * 2;
  // The embedded tokens and their gradient.
  const embedded = T * B * D * (isTrained ? 2 : 1);
  const elements = parameterCount(layout) * vectors + kept + scratch + work + decoder + embedded;
  return elements * bytesOf(needs) + estimateCopies(config, needs);
}

/** Bytes of the copies of the state that a training run keeps in the machine's memory: for a save, to go back to, for a lost engine. */
export function estimateCopies(config: ModelConfig, needs: MemoryNeeds): number {
  if (needs.moments === undefined) return 0;
  const copies = [needs.saves, needs.retries, needs.copies].filter(Boolean).length;
  return parameterCount(layoutOf(config)) * stateVectors(needs) * copies * bytesOf(needs);
}

/** How many vectors the state of a run has: parameters, their average, moments. */
function stateVectors({ averages = false, moments = 0 }: MemoryNeeds): number {
  return 1 + Number(averages) + moments;
}

function bytesOf({ precision }: MemoryNeeds): number {
  return precision === 'float64' ? 8 : 4;
}

/**
 * Bytes of the largest array that a device has to hold in one piece: the parameters, or an array with numbers for each position of a batch,
 * such as the gates of a layer, which training keeps.
 */
export function largestArray(config: ModelConfig, needs: MemoryNeeds): number {
  const { batchSize: B, sequenceLength: T, moments } = needs;
  const { hiddenSize: H, vocabularySize: V, cell, embeddingSize: D = 0 } = config;
  const gates = moments === undefined ? 0 : gateCount(cell) * H;
  const elements = Math.max(parameterCount(layoutOf(config)), T * B * Math.max(H, V, D, gates));
  return elements * bytesOf(needs);
}

/** The memory that a model may use. */
export interface MemoryBounds {
  /** Bytes of memory that this program may use. */
  readonly available: number;
  /** What the engine can hold. Default: unknown. */
  readonly limits?: EngineLimits | undefined;
}

/** Whether a model fits in memory, and into the limits of its engine. */
export function fitsMemory(config: ModelConfig, needs: MemoryNeeds, bounds: MemoryBounds): boolean {
  return config.layers <= MAX_LAYERS && excessOf(config, needs, bounds) === undefined;
}

/**
 * Checks that a model fits in memory, and into the limits of its engine. Returns the estimated bytes.
 *
 * @param isResumed Whether the number of hidden units can't change.
 * @throws {MemoryError} if the model needs more; it names a hidden size and a batch size that fit
 */
export function checkMemory(
  config: ModelConfig,
  needs: MemoryNeeds,
  bounds: MemoryBounds,
  isResumed = false,
): number {
  const isPossible = config.layers <= MAX_LAYERS;
  const excess = isPossible
    ? excessOf(config, needs, bounds)
    : `would take more memory than any machine has; there are ${formatBytes(bounds.available)}`;
  if (excess === undefined) return estimateMemory(config, needs);
  const shape = `${config.layers === 1 ? 'one layer' : `${formatCount(config.layers)} layers`} of ${formatCount(config.hiddenSize)} units`;
  const batch = `${formatCount(needs.batchSize)} rows × ${formatCount(needs.sequenceLength)} steps`;
  const article = config.cell === 'gru' ? 'a' : 'an';
  throw new MemoryError(`${article} ${config.cell} with ${shape}, ${batch}, ${excess}.`, {
    remedies: isPossible
      ? [...fittingSizes(config, needs, bounds, isResumed), ...otherDevice(config, needs, bounds)]
      : [{ text: 'It needs far fewer layers' }],
  });
}

const ON_CPU: Remedy = { text: 'To compute on the CPU', set: { engine: 'auto', gpu: undefined } };

/** The CPU, if only the limit for one array is too small: GPUs alone have that. */
function otherDevice(config: ModelConfig, needs: MemoryNeeds, { available, limits }: MemoryBounds): Remedy[] {
  const fitsOnCpu = limits?.largest !== undefined && fitsMemory(config, needs, { available });
  return fitsOnCpu && needs.compute !== 'float16' ? [ON_CPU] : [];
}

/**
 * Checks that a model in use fits into the limits of an engine.
 *
 * @throws {MemoryError} if it does not
 */
export function checkModelFits(
  config: ModelConfig,
  { description: { precision, limits } }: Pick<Engine, 'description'>,
): void {
  const needs = { precision, batchSize: 1, sequenceLength: 1 };
  const excess = excessOf(config, needs, { available: Number.POSITIVE_INFINITY, limits });
  if (excess === undefined) return;
  throw new MemoryError(`the model is too large for the engine: it ${excess}.`, {
    remedies: [ON_CPU],
  });
}

/** Why a model does not fit; undefined if it does. */
function excessOf(
  config: ModelConfig,
  needs: MemoryNeeds,
  { available, limits = {} }: MemoryBounds,
): string | undefined {
  const bytes = estimateMemory(config, needs);
  const largest = largestArray(config, needs);
  const need = `would take about ${formatBytes(bytes)}`;
  const copies = estimateCopies(config, needs);
  if (limits.isOnDevice && copies > available)
    return `would keep copies of about ${formatBytes(copies)} outside the GPU; there are ${formatBytes(available)}`;
  if (!limits.isOnDevice && bytes > available) return `${need}; there are ${formatBytes(available)}`;
  if (limits.bytes !== undefined && bytes > limits.bytes)
    return `${need}; the engine has ${formatBytes(limits.bytes)}`;
  if (limits.largest !== undefined && largest > limits.largest)
    return `would need an array of ${formatBytes(largest)}; the engine's limit for one array is ${formatBytes(limits.largest)}`;
  return undefined;
}

/** Names the largest hidden size and the largest batch size that fit, if the rest stays as it is. */
function fittingSizes(
  config: ModelConfig,
  needs: MemoryNeeds,
  bounds: MemoryBounds,
  isResumed: boolean,
): Remedy[] {
  const hiddenSize = isResumed
    ? 0
    : largestThat(config.hiddenSize, (size) => fitsMemory({ ...config, hiddenSize: size }, needs, bounds));
  const batchSize = largestThat(needs.batchSize, (size) =>
    fitsMemory(config, { ...needs, batchSize: size }, bounds),
  );
  const remedies = [
    ...(hiddenSize > 0 ? [{ text: 'With fewer hidden units, it fits', set: { hiddenSize } }] : []),
    ...(batchSize > 0 ? [{ text: 'With fewer rows, it fits', set: { batchSize } }] : []),
  ];
  return remedies.length > 0 ? remedies : [{ text: 'It needs fewer layers or a shorter sequence' }];
}

/** The largest size below `size` that fits, with three digits at most; 0 if none does. */
function largestThat(size: number, fits: (size: number) => boolean): number {
  let [fitting, tooLarge] = [0, size];
  while (tooLarge - fitting > 1) {
    const middle = Math.floor((fitting + tooLarge) / 2);
    if (fits(middle)) fitting = middle;
    else tooLarge = middle;
  }
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(fitting)) - 2);
  return Math.floor(fitting / unit) * unit;
}
