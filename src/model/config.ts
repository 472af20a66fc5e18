/** The shape of a model: with its parameters, everything that is needed to compute it. */
import { type Cell, type Reset, resetField } from '../engine/cells.ts';
import type { Layout, Module } from '../engine/layout.ts';

export interface ModelConfig {
  readonly cell: Cell;
  readonly layers: number;
  /** Hidden units of every layer. */
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  /** Size D of an embedding before the first layer. Default: none, tokens select columns of the first layer's weights. */
  readonly embeddingSize?: number | undefined;
  /** Where the reset gate acts, for a cell that has one. Default: before the recurrent product, as in the original. */
  readonly reset?: Reset | undefined;
}

/**
 * The maximum number of layers: more than anybody trains. Without a limit, the layout itself could be too large to build, and a checkpoint has
 * to list all layers.
 */
export const MAX_LAYERS = 1000;

/** The modules of the model, from the input to the output. */
export function layoutOf(config: ModelConfig): Layout {
  const { cell, hiddenSize, vocabularySize, embeddingSize } = config;
  const modules: Module[] = [];
  if (embeddingSize !== undefined) {
    modules.push({ kind: 'embedding', name: 'embedding', vocabularySize, outputSize: embeddingSize });
  }
  for (let layer = 0; layer < config.layers; layer++) {
    modules.push({
      kind: 'recurrent',
      name: `layer ${layer + 1}`,
      cell,
      ...resetField(cell, config.reset),
      input: modules.length === 0 ? 'tokens' : 'dense',
      inputSize: layer === 0 ? (embeddingSize ?? vocabularySize) : hiddenSize,
      hiddenSize,
    });
  }
  modules.push({ kind: 'linear', name: 'decoder', inputSize: hiddenSize, outputSize: vocabularySize });
  return modules;
}
