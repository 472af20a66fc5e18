/** What a training run is made of. */
import type { Corpus } from '../data/corpus.ts';
import type { Engine } from '../engine/engine.ts';
import type { CheckpointStorage } from '../formats/storage.ts';
import type { OptionOrigins } from '../util/option-origins.ts';
import type { RunStart } from './first-state.ts';
import type { TrainingOptions } from './options.ts';

export interface TrainerInput {
  readonly corpus: Corpus;
  readonly options: TrainingOptions;
  /** Where the options come from. */
  readonly origins?: OptionOrigins | undefined;
  readonly engine: Engine;
  /** Where checkpoints go. Absent: nowhere. */
  readonly storage?: CheckpointStorage | undefined;
  /** What to start from instead of random parameters. */
  readonly start?: RunStart | undefined;
  /** Name of a new run. Default: a random one. */
  readonly runId?: string | undefined;
  /** Finishes the iteration, saves, and ends the run as `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** Iterations in flight at most. Default: as many as the engine asks for. */
  readonly maxInFlight?: number | undefined;
  /** Bytes of memory that the run may take. */
  readonly availableMemory: number;
  /** Bytes of it that are free now, where that is known. */
  readonly freeMemory?: number | undefined;
  /** Name of this machine, where it is known. */
  readonly host?: string | undefined;
}
