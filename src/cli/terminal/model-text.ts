/** Models in words. */
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { WeightType } from '../../checkpoint/stored-precision.ts';
import type { LanguageModel } from '../../language-model.ts';
import type { ModelConfig } from '../../model/config.ts';
import { counted } from '../../util/format.ts';

type Layers = Pick<ModelConfig, 'layers' | 'hiddenSize'>;

export function cellAndLayers({ cell, ...layers }: Layers & Pick<ModelConfig, 'cell'>): string {
  return `${cell}, ${layersText(layers)}`;
}

/** The shape of a model: cell, layers, embedding. */
export function describeShape({ cell, reset, embeddingSize, ...layers }: ModelConfig): string {
  const kind = reset === 'after' ? `${cell} (reset after)` : cell;
  const embedding = embeddingSize === undefined ? '' : `, embedding of ${embeddingSize}`;
  return `${kind}, ${layersText(layers)}${embedding}`;
}

/** The precision of a model, and the types in which its file stored the parameters if they differ: `float32, stored as float16`. */
export function storedText({
  precision,
  weightTypes,
}: Pick<Checkpoint, 'precision' | 'weightTypes'>): string {
  return weightTypes ? `${precision}, stored as ${typesText(weightTypes)}` : precision;
}

/** Number types, each once: `float16`, `float16 and float32`. */
export function typesText(types: readonly WeightType[]): string {
  return [...new Set(types)].join(' and ');
}

/** Describes a loaded model and its engine. */
export async function describeModel(model: LanguageModel): Promise<string> {
  const { config, parameterCount, vocabulary } = model;
  const size = `${counted(parameterCount, 'parameter')}, ${counted(vocabulary.size, 'symbol')}`;
  return `${cellAndLayers(config)}, ${size}; ${await model.describeEngine()}`;
}

function layersText({ layers, hiddenSize }: Layers): string {
  return `${counted(layers, 'layer')} of ${hiddenSize}`;
}
