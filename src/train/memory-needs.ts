/** What a run keeps in memory. */
import { UPDATE_RULES } from '../engine/update-rules.ts';
import type { MemoryNeeds } from '../model/memory.ts';
import { dropsWeights } from '../model/regularization.ts';
import type { TrainingOptions } from './options.ts';

export interface RunFacts {
  /** Whether checkpoints are saved. */
  readonly saves: boolean;
  /** Whether the engine can be lost, so that the run keeps a copy of its state. */
  readonly canBeLost: boolean;
  /** Steps of the longest batch. Default: those of the options. */
  readonly longest?: number | undefined;
}

/** What training with these options needs. */
export function memoryNeeds(options: TrainingOptions, { saves, canBeLost, longest }: RunFacts): MemoryNeeds {
  const { precision, compute, batchSize, sequenceLength } = options;
  return {
    ...{ precision, compute, batchSize, saves },
    sequenceLength: longest ?? sequenceLength,
    moments: UPDATE_RULES[options.optimizer].moments,
    dropsWeights: dropsWeights(options),
    accumulates: options.accumulate > 1,
    averages: options.average !== 'none',
    retries: options.onExplosion === 'retry',
    copies: canBeLost,
  };
}
