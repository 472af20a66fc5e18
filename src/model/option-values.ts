/** Values that options about the model take. They are apart from the code that uses them, so that help loads nothing else. */

/** How initial parameters are drawn: `initial-parameters.ts`. */
export const INITS = ['original', 'pytorch', 'scaled'] as const;
export type Init = (typeof INITS)[number];

/** How often dropout draws its masks: `regularization.ts`. */
export const DROPOUT_MASKS = ['step', 'sequence'] as const;
export type DropoutMask = (typeof DROPOUT_MASKS)[number];
