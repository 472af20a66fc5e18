/** The shape of a model: what has to be known, beside its parameters, to compute it. */
import type { Cell, Layout, Module } from '../engine/layout.ts';

export interface ModelConfig {
  readonly cell: Cell;
  readonly layers: number;
  /** Hidden units of every layer. */
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  /** Probability of dropping a unit between layers while training. */
  readonly dropout: number;
}

/** The modules of the model, from the input to the output. */
export function layoutOf(config: ModelConfig): Layout {
  const modules: Module[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    modules.push({
      kind: 'recurrent',
      name: `layer ${layer + 1}`,
      cell: config.cell,
      ...(config.cell === 'gru' && { reset: 'before' as const }),
      input: layer === 0 ? 'tokens' : 'dense',
      inputSize: layer === 0 ? config.vocabularySize : config.hiddenSize,
      hiddenSize: config.hiddenSize,
    });
  }
  modules.push({
    kind: 'linear',
    name: 'decoder',
    inputSize: config.hiddenSize,
    outputSize: config.vocabularySize,
  });
  return modules;
}
