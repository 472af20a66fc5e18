/** What training does against overfitting. It is no part of a model's shape: evaluation and sampling never see it. */

export interface Regularization {
  /** Probability of dropping a unit of the input of each recurrent layer but the first, and of the decoder's. */
  readonly dropout: number;
}

export const NO_REGULARIZATION: Regularization = { dropout: 0 };

/** Regularization in one pass. Its random masks depend on these numbers and the place in the network alone. */
export interface RegularizedPass extends Regularization {
  readonly seed: number;
  readonly iteration: number;
}
