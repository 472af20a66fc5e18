/** Opens a checkpoint and an engine for the commands that measure models. */
import { type Checkpoint, readingNotices } from '../../checkpoint/checkpoint.ts';
import type { Engine, Precision } from '../../engine/engine.ts';
import type { EngineName } from '../../engine/names.ts';
import { makeEngine } from '../../engine/select.node.ts';
import { readCheckpointFile } from '../../formats/read.node.ts';
import type { FailedCommand } from '../report/report-error.ts';
import { slowPrecisionLines } from '../report/slow-precision.ts';
import { requestedGpu } from './requested-gpu.ts';

export interface ScoredModel {
  readonly path: string;
  readonly checkpoint: Checkpoint;
  readonly engine: Engine;
}

export interface ScoredModelOptions {
  readonly engine: EngineName;
  readonly threads?: number | undefined;
  readonly gpu?: number | undefined;
  readonly opencl: number;
  /** Default: the checkpoint's own. */
  readonly precision?: Precision | undefined;
}

/**
 * Opens a checkpoint and an engine of its precision.
 *
 * @param say Called with notices: what was changed to read the file, and why a faster engine is not used.
 * @param typed The command line, for suggestions.
 * @throws {CheckpointError | UnsupportedError | UsageError}
 */
export async function openScoredModel(
  path: string,
  options: ScoredModelOptions,
  say: (line: string) => void,
  typed: FailedCommand,
): Promise<ScoredModel> {
  const checkpoint = await readCheckpointFile(path);
  const { engine: name, threads, precision = checkpoint.precision } = options;
  const { engine, notice } = await makeEngine({
    engine: name,
    threads,
    precision,
    gpu: requestedGpu(options),
  });
  for (const line of readingNotices(checkpoint)) say(`${path}: ${line}`);
  if (notice) say(notice);
  for (const line of slowPrecisionLines(checkpoint, options.precision, typed)) say(line);
  return { path, checkpoint, engine };
}
