/**
 * How many numbers the arrays of a layer take: each formula once, for the engines, for the kernels' checks (native/kernels/generated.h)
 * and for what a run is told to take.
 *
 * B rows of a batch, T time steps, G gates, K states that a tape keeps beside the gates (`CELLS`), S parts of a state, N sequences side
 * by side. H and D are a layer's units and dense input, where the kernels have them padded to 16; D is 0 where the input is tokens.
 */

/** The sum of products of dimensions and numbers. */
type Formula = readonly (readonly (string | number)[])[];

export const SIZES = {
  /** A state of a recurrent layer. */
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
   * Beside a pass over a recurrent layer: the sums of both biases; the recurrent weights transposed and, with a mask (M = 2, else 1),
   * masked; the input weights transposed; three gradients of states.
   */
  recurrentScratch: [
    ['G', 'H'],
    ['M', 'G', 'H', 'H'],
    ['G', 'H', 'D'],
    [3, 'B', 'H'],
  ],
  /** Beside the pass back over a linear map: its weights, transposed. */
  linearScratch: [['H', 'V']],
  /** Beside a copy of slots: the rows that are copied. */
  slotScratch: [['S', 'N', 'H']],
  /**
   * Beside sequences that go through a whole network: five rows as wide as the widest module, W, and one of X, the widest module's
   * gates; the sums of all biases, Y.
   */
  streamScratch: [[5, 'W', 'N'], ['X', 'N'], ['Y']],
} as const satisfies Record<string, Formula>;

type Named = keyof typeof SIZES;
type Dimensions<K extends Named> = Extract<(typeof SIZES)[K][number][number], string>;

/** The numbers of one of `SIZES`. */
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

/** The dimensions of a formula, each once, in the order in which they occur. */
export function dimensionsOf(formula: Formula): string[] {
  return [...new Set(formula.flat().filter((factor) => typeof factor === 'string'))];
}
