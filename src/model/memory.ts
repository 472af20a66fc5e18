/** How much memory a training run or a model in use takes, told before anything is allocated. */
import { gateCount } from '../engine/cells.ts';
import type { Precision } from '../engine/engine.ts';
import { parameterCount } from '../engine/layout.ts';
import { MemoryError } from '../errors.ts';
import { formatBytes, formatCount } from '../util/format-number.ts';
import { layoutOf, MOST_LAYERS, type ModelConfig } from './config.ts';

export interface MemoryNeeds {
  readonly precision: Precision;
  /** Rows and steps of a batch; 1 and 1 for sampling. */
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** Moments that the optimizer keeps; undefined where nothing is trained. */
  readonly moments?: number | undefined;
  /** Whether checkpoints are saved: of parameters and moments a snapshot is then on its way to the disk. */
  readonly saves?: boolean | undefined;
  /** Whether a good state is kept, to go back to after an explosion. */
  readonly retries?: boolean | undefined;
}

/**
 * Bytes that the arrays of a model take: parameters, gradient and moments; outputs and tapes of every layer; logits.
 *
 * An estimate from the sizes of the parts, within a quarter of what the engines use; the program itself comes on top.
 */
export function estimateMemory(config: ModelConfig, needs: MemoryNeeds): number {
  const { batchSize: B, sequenceLength: T, moments, saves = false, retries = false } = needs;
  const { hiddenSize: H, vocabularySize: V, layers: L, cell, embeddingSize: D = 0 } = config;
  const copies = Number(saves) + Number(retries);
  const vectors = moments === undefined ? 1 : 2 + moments + copies * (1 + moments);
  const G = gateCount(cell);
  // Outputs; on the tape the gates, h and c before, c after or the candidate, the input.
  const perUnit = moments === undefined ? 1 : 1 + G + 4;
  const layers = T * B * H * perUnit * L;
  // Two gradients of outputs, and both sides of a weight gradient, transposed.
  const work = moments === undefined ? 0 : T * B * H * (2 + G + 1);
  const decoder = T * B * V * 2;
  // The embedded tokens; their gradient, and a copy on the first layer's tape.
  const embedded = T * B * D * (moments === undefined ? 1 : 3);
  // One weight matrix at a time is transposed.
  const transposed = G * H * Math.max(H, D || V);
  const elements =
    parameterCount(layoutOf(config)) * vectors + layers + work + decoder + embedded + transposed;
  return elements * (needs.precision === 'float64' ? 8 : 4);
}

/**
 * @param available Bytes of memory that the machine has for this program.
 * @throws {MemoryError} when the model would need more.
 */
export function checkMemory(config: ModelConfig, needs: MemoryNeeds, available: number): number {
  const bytes = config.layers <= MOST_LAYERS ? estimateMemory(config, needs) : Number.POSITIVE_INFINITY;
  if (bytes <= available) return bytes;
  const shape = `${config.layers === 1 ? 'one layer' : `${formatCount(config.layers)} layers`} of ${formatCount(config.hiddenSize)} units`;
  const amount = Number.isFinite(bytes) ? `about ${formatBytes(bytes)}` : 'more memory than any machine has';
  throw new MemoryError(
    `a ${config.cell} with ${shape}, ${formatCount(needs.batchSize)} streams × ${formatCount(needs.sequenceLength)} steps, ` +
      `would take ${amount}; there are ${formatBytes(available)}.\n` +
      'Try fewer hidden units, fewer layers, a smaller batch or a shorter sequence.',
  );
}
