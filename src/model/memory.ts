/** Estimates the memory of a training run or of a model in use, before anything is allocated. */
import { cellFacts, gateCount } from '../engine/cells.ts';
import type { Precision } from '../engine/engine.ts';
import { parameterCount, recurrentModules } from '../engine/layout.ts';
import { sizeOf } from '../engine/sizes.ts';
import { MemoryError } from '../errors.ts';
import { formatBytes, formatCount } from '../util/format.ts';
import { layoutOf, MAX_LAYERS, type ModelConfig } from './config.ts';

export interface MemoryNeeds {
  readonly precision: Precision;
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
  const copies = [needs.saves, needs.retries, needs.copies].filter(Boolean).length;
  const extra = Number(needs.dropsWeights ?? false) + Number(needs.accumulates ?? false);
  const state = 1 + Number(needs.averages ?? false) + (moments ?? 0);
  const vectors = isTrained ? 1 + extra + (1 + copies) * state : 1;
  const layout = layoutOf(config);
  const G = gateCount(cell);
  const layers = recurrentModules(layout).map(({ input, inputSize }) => {
    const own = { G, K: cellFacts(cell).kept.length, H, D: input === 'dense' ? inputSize : 0 };
    return {
      kept: T * B * H + (isTrained ? sizeOf('tape', { ...own, T, B }) : 0),
      scratch: sizeOf('recurrentScratch', { ...own, B }),
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
  return elements * (needs.precision === 'float64' ? 8 : 4);
}

/**
 * Checks that a model fits in memory. Returns the estimated bytes.
 *
 * @param available Bytes of memory that this program may use.
 * @throws {MemoryError} if the model needs more
 */
export function checkMemory(config: ModelConfig, needs: MemoryNeeds, available: number): number {
  const bytes = config.layers <= MAX_LAYERS ? estimateMemory(config, needs) : Number.POSITIVE_INFINITY;
  if (bytes <= available) return bytes;
  const shape = `${config.layers === 1 ? 'one layer' : `${formatCount(config.layers)} layers`} of ${formatCount(config.hiddenSize)} units`;
  const amount = Number.isFinite(bytes) ? `about ${formatBytes(bytes)}` : 'more memory than any machine has';
  throw new MemoryError(
    `a ${config.cell} with ${shape}, ${formatCount(needs.batchSize)} rows × ${formatCount(needs.sequenceLength)} steps, ` +
      `would take ${amount}; there are ${formatBytes(available)}.\n` +
      'Try fewer hidden units, fewer layers, a smaller batch or a shorter sequence.',
  );
}
