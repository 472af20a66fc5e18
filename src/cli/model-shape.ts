/** A model's shape in words. */
import type { ModelConfig } from '../model/config.ts';

export function describeShape({ cell, reset, layers, hiddenSize, embeddingSize }: ModelConfig): string {
  const kind = reset === 'after' ? `${cell} (reset after)` : cell;
  const embedding = embeddingSize === undefined ? '' : `, embedding of ${embeddingSize}`;
  return `${kind}, ${layers} ${layers === 1 ? 'layer' : 'layers'} of ${hiddenSize}${embedding}`;
}
