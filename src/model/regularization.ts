/** Regularization of training. It is not part of the model's shape: evaluation and sampling never use it. */
import type { DropoutMask } from './option-values.ts';

export interface Regularization {
  /** Probability of dropping a unit in the input of each recurrent layer except the first, and in the input of the decoder. */
  readonly dropout: number;
  /** Whether dropout has a mask for each `step`, or one for the whole `sequence` of an iteration (Gal & Ghahramani 2016). */
  readonly dropoutMask: DropoutMask;
  /** Probability of dropping a recurrent weight (DropConnect; Merity et al. 2018). */
  readonly weightDrop: number;
  /** Probability of dropping a token of the vocabulary from the input: its embedding, or its column of the first layer's weights. */
  readonly tokenDropout: number;
}

export const NO_REGULARIZATION: Regularization = {
  dropout: 0,
  dropoutMask: 'step',
  weightDrop: 0,
  tokenDropout: 0,
};

/** Whether a pass drops weights, so that it needs a copy of them. */
export function dropsWeights({
  weightDrop,
  tokenDropout,
}: Omit<Regularization, 'dropout' | 'dropoutMask'>): boolean {
  return weightDrop > 0 || tokenDropout > 0;
}

/** Regularization of one pass, made by `TrainingRun`. Its random masks depend only on these numbers and on the layer. */
export interface RegularizedPass extends Regularization {
  readonly seed: number;
  /** Counts the batches of the run. */
  readonly batch: number;
}
