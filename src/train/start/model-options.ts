/** The training options that shape the model. */
import { resetField } from '../../engine/cells.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { TrainingOptions } from '../options.ts';

/** The shape of the model that the options ask for. */
export function modelConfig(options: TrainingOptions, vocabularySize: number): ModelConfig {
  const { cell, layers, hiddenSize, gruReset, embeddingSize } = options;
  return {
    cell,
    ...resetField(cell, gruReset),
    layers,
    hiddenSize,
    ...(embeddingSize !== undefined && { embeddingSize }),
    vocabularySize,
  };
}

/** The options that ask for a model of this shape. */
export function modelOptions({ cell, hiddenSize, layers, reset, embeddingSize }: ModelConfig) {
  const { reset: gruReset } = resetField(cell, reset);
  return { cell, hiddenSize, layers, ...(gruReset && { gruReset }), embeddingSize };
}
