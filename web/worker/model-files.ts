/** Models in files of all formats: loaded when a file is not in safetensors, or a model is saved. Worker. */
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { LanguageModel } from '../../src/language-model.ts';

export { openCheckpoint } from '../../src/formats/open.ts';

/** The bytes of a file in safetensors, with weights as they are or in int8. */
export function fileOf(checkpoint: Checkpoint, weights: 'int8' | undefined): Uint8Array {
  return new LanguageModel(checkpoint).toBytes('safetensors', weights);
}
