/** Regularization of training. It is not part of the model's shape: evaluation and sampling never use it. */

export interface Regularization {
  /** Probability of dropping a unit, in the input of each recurrent layer but the first and in the input of the decoder. */
  readonly dropout: number;
}

export const NO_REGULARIZATION: Regularization = { dropout: 0 };

/** Regularization of one pass. Its random masks depend only on these numbers and on the layer. */
export interface RegularizedPass extends Regularization {
  readonly seed: number;
  readonly iteration: number;
}
