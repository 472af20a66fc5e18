/**
 * The sizes of a layer's arrays, in elements. The engines, the kernels' checks (native/kernels/generated.h) and the memory estimate of a run
 * use the same formulas.
 *
 * Dimension letters: B batch rows, T time steps, G gates, K states that a tape keeps besides the gates (`CELLS`), S parts of a state, N
 * sequences in parallel. H and D are a layer's hidden units and dense input, which the kernels pad to multiples of 16; D is 0 for tokens.
 */

/** A sum of products of dimensions and numbers. */
type Formula = readonly (readonly (string | number)[])[];

export const SIZES = {
  /** The state of a recurrent layer. */
  state: [['S', 'B', 'H']],
  /** A parameter tensor: G blocks of H outputs, each with R rows: its inputs, or 1 for a bias. */
  weights: [['G', 'H', 'R']],
  /** A tape: the gates, the states before each step, the input after dropout. */
  tape: [
    ['T', 'B', 'G', 'H'],
    ['T', 'B', 'K', 'H'],
    ['T', 'B', 'D'],
  ],
  /**
   * Scratch of a pass over a recurrent layer: the sums of both biases; the recurrent and the input weights, transposed; three gradients of
   * states.
   */
  recurrentScratch: [
    ['G', 'H'],
    ['G', 'H', 'H'],
    ['G', 'H', 'D'],
    [3, 'B', 'H'],
  ],
  /**
   * More scratch of a pass over a recurrent layer in bfloat16: rows of the input, of the state and of the gradients, which are padded; the
   * input in P pairs of rows, two of the T·B positions each.
   */
  recurrentPacked: [
    ['B', 'D'],
    ['B', 'H'],
    [0.5, 'B', 'G', 'H'],
    [8, 'B'],
    ['P', 'D'],
  ],
  /** More scratch of a pass over a linear map in bfloat16: its input in P pairs of rows; its output in padded rows and in pairs of rows. */
  linearPacked: [
    ['P', 'H'],
    [2, 'P', 'V'],
    [16, 'P'],
  ],
  /** An int8 matrix of G gates of H outputs with K inputs, in floats: four levels in each; the scale and the offset of each output. */
  int8Matrix: [
    [0.25, 'G', 'H', 'K'],
    [2, 'G', 'H'],
  ],
  /** An int8 look-up table of G gates of H outputs for V tokens: its levels, the scale of each output. */
  int8Table: [
    [0.25, 'G', 'H', 'V'],
    ['G', 'H'],
  ],
  /** An int8 embedding of V tokens: their levels, and their scales, padded to R. */
  int8Embedding: [[0.25, 'D', 'V'], ['R']],
  /** Scratch of the backward pass over a linear map: its weights, transposed. */
  linearScratch: [['H', 'V']],
  /** Scratch of a copy of slots: the copied rows. */
  slotScratch: [['S', 'N', 'H']],
  /**
   * Scratch of `step`, `readTokens` and `generate`: for each sequence, three rows of W, the width of the widest module, one of X, the width of
   * the widest gates, and one of Z, that of two copies of h and one of c of all recurrent modules; in int8, the levels of two rows, and a
   * scale; then Y numbers for the biases of all recurrent modules.
   */
  sequenceScratch: [[3.5, 'W', 'N'], ['X', 'N'], ['Z', 'N'], ['N'], ['Y']],
} as const satisfies Record<string, Formula>;

type Named = keyof typeof SIZES;
type Dimensions<K extends Named> = Extract<(typeof SIZES)[K][number][number], string>;

/** Evaluates one of `SIZES`. */
export function sizeOf<K extends Named>(
  what: K,
  dimensions: Readonly<Record<Dimensions<K>, number>>,
): number {
  const values: Readonly<Record<string, number>> = dimensions;
  const formula: Formula = SIZES[what];
  const product = (factors: Formula[number]) =>
    factors.reduce<number>(
      (all, factor) => all * (typeof factor === 'number' ? factor : (values[factor] as number)),
      1,
    );
  return formula.reduce((sum, factors) => sum + product(factors), 0);
}

/** The dimension letters of a formula, each once, in order of appearance. */
export function dimensionsOf(formula: Formula): string[] {
  return [...new Set(formula.flat().filter((factor) => typeof factor === 'string'))];
}
