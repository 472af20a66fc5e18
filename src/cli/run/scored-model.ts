/** Opens a checkpoint and an engine for the commands that measure models. */
import { type Checkpoint, readingNotices } from '../../checkpoint/checkpoint.ts';
import { modelNumbers, type QuantizeOption, quantizationOn } from '../../checkpoint/quantization.ts';
import type { Engine, Precision, Quantization } from '../../engine/engine.ts';
import type { EngineName } from '../../engine/names.ts';
import { makeEngine } from '../../engine/select.node.ts';
import type { FailedCommand } from '../report/report-error.ts';
import { slowPrecisionLines } from '../report/slow-precision.ts';
import { readForInference } from './read-for-inference.ts';
import { requestedGpu } from './requested-gpu.ts';

export interface ScoredModel {
  readonly path: string;
  readonly checkpoint: Checkpoint;
  readonly engine: Engine;
  /** How to store the weights on the engine; undefined: as floats. */
  readonly quantization: Quantization | undefined;
}

export interface ScoredModelOptions {
  readonly engine: EngineName;
  readonly threads?: number | undefined;
  readonly gpu?: number | undefined;
  readonly opencl: number;
  /** Default: the checkpoint's own. */
  readonly precision?: Precision | undefined;
  /** Default: as in the checkpoint's file. */
  readonly quantize?: QuantizeOption | undefined;
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
  const checkpoint = await readForInference(path, options.quantize);
  const { engine: name, threads } = options;
  const { precision, quantization: wanted, choice } = modelNumbers(checkpoint, options);
  const { engine, notice } = await makeEngine({
    engine: name,
    threads,
    gpu: requestedGpu(options),
    ...choice,
  });
  const quantization = quantizationOn(engine, wanted);
  for (const line of readingNotices(checkpoint)) say(`${path}: ${line}`);
  if (notice) say(notice);
  for (const line of slowPrecisionLines(checkpoint, wanted ? precision : options.precision, typed)) say(line);
  return { path, checkpoint, engine, quantization };
}
