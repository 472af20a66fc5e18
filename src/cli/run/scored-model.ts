/** A checkpoint on an engine, for the commands that measure. */

import { type Checkpoint, readingNotices } from '../../checkpoint/checkpoint.ts';
import type { Engine, Precision } from '../../engine/engine.ts';
import type { EngineName } from '../../engine/names.ts';
import { makeEngine } from '../../engine/select.node.ts';
import { readCheckpointFile } from '../../formats/read.node.ts';
import type { FailedCommand } from '../report/report-error.ts';
import { slowPrecisionLines } from '../report/slow-precision.ts';

export interface ScoredModel {
  readonly path: string;
  readonly checkpoint: Checkpoint;
  readonly engine: Engine;
}

export interface ScoredModelOptions {
  readonly engine: EngineName;
  readonly threads?: number | undefined;
  /** The checkpoint's own where absent. */
  readonly precision?: Precision | undefined;
}

/**
 * Opens a checkpoint and makes an engine of its precision.
 *
 * @param say Receives what was changed to read the file, and why the engine is not a faster one.
 * @param typed The command, for advice.
 * @throws {CheckpointError | UnsupportedError | UsageError}
 */
export async function openScoredModel(
  path: string,
  options: ScoredModelOptions,
  say: (line: string) => void,
  typed: FailedCommand,
): Promise<ScoredModel> {
  const checkpoint = await readCheckpointFile(path);
  const precision = options.precision ?? checkpoint.precision;
  const { engine, notice } = await makeEngine({ ...options, precision });
  for (const line of readingNotices(checkpoint)) say(`${path}: ${line}`);
  if (notice) say(notice);
  for (const line of slowPrecisionLines(checkpoint, options.precision, typed)) say(line);
  return { path, checkpoint, engine };
}
