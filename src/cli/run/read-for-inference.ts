/** Reads the model of a command that does not train. */
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { inLevels, type QuantizeOption } from '../../checkpoint/quantization.ts';
import { readCheckpointFile } from '../../formats/read.node.ts';
import { LanguageModel } from '../../language-model.node.ts';
import type { ModelInput } from '../../language-model.ts';

/**
 * Reads a checkpoint. With int8, only the levels of its weights stay in memory.
 *
 * @throws {CheckpointError} if the file is missing, or is not a complete, valid checkpoint
 * @throws {UnsupportedError} for a weight that int8 can't hold
 */
export async function readForInference(
  path: string,
  quantize: QuantizeOption | undefined,
): Promise<Checkpoint> {
  const checkpoint = await readCheckpointFile(path);
  return quantize === 'int8' ? inLevels(checkpoint) : checkpoint;
}

/** Like `LanguageModel.load`, but with `quantize: 'int8'`, the checkpoint keeps only the levels, in a quarter of the memory. */
export async function loadModel(path: string, input: ModelInput): Promise<LanguageModel> {
  return new LanguageModel(await readForInference(path, input.quantize), input);
}
