/**
 * The differences between the cells, in one table. docs/notation.md has their equations.
 *
 * `reference/cells.ts` and native/kernels/cells.h compute them; `checkpoint/tensors/gates.ts` has the gate orders
 * of PyTorch and ONNX, and `formats/torch7/index.ts` says where those of Torch7 are.
 */

interface CellFacts {
  /** The gates, in the order of the first dimension of a layer's tensors. */
  readonly gates: readonly string[];
  /** The parts of the state, in order. h is also the output. */
  readonly state: readonly ('c' | 'h')[];
  /** What a tape keeps of each step besides the gates: the state before the step, and the recurrent input of the candidate. */
  readonly kept: readonly ('c' | 'h' | 'candidate')[];
  /** A gate whose input bias starts with a fixed value instead of a random one. */
  readonly initialBias?: { readonly gate: string; readonly title: string; readonly value: number };
  /** Whether the cell has a reset gate that acts before the recurrent product or after it. */
  readonly hasReset: boolean;
}

/** The cells, in the order of their numbers in the kernels. */
export const CELLS = {
  lstm: {
    gates: ['i', 'f', 'o', 'g'],
    state: ['c', 'h'],
    kept: ['h', 'c'],
    // So that the cell keeps its state from the start of training (Jozefowicz et al. 2015).
    initialBias: { gate: 'f', title: 'forget gate', value: 1 },
    hasReset: false,
  },
  gru: {
    gates: ['z', 'r', 'n'],
    state: ['h'],
    kept: ['h', 'candidate'],
    hasReset: true,
  },
  rnn: { gates: ['h'], state: ['h'], kept: ['h'], hasReset: false },
} as const satisfies Record<string, CellFacts>;

export type Cell = keyof typeof CELLS;

export const CELL_NAMES = Object.keys(CELLS) as Cell[];

/** Where a gru's reset gate acts: r multiplies h' before the recurrent product (the original), or its result. */
export type Reset = 'before' | 'after';

const RESETS: readonly Reset[] = ['before', 'after'];

/** A cell and, if it has a reset gate, where that acts. */
export interface CellKind {
  readonly cell: Cell;
  readonly reset?: Reset | undefined;
}

/** All kinds of recurrent layers. */
export const CELL_KINDS: readonly CellKind[] = CELL_NAMES.flatMap((cell): CellKind[] =>
  CELLS[cell].hasReset ? RESETS.map((reset) => ({ cell, reset })) : [{ cell }],
);

/** The row of the table for a cell. */
export function cellFacts(cell: Cell): CellFacts {
  return CELLS[cell];
}

/** Number of gates G of a cell. */
export function gateCount(cell: Cell): number {
  return CELLS[cell].gates.length;
}

/** Number of parts S in the state of a cell: 2 for lstm (c, then h), else 1 (h). */
export function stateParts(cell: Cell): number {
  return CELLS[cell].state.length;
}

/** Whether the state of a cell has c besides h. */
export function carriesC(cell: Cell): boolean {
  return cellFacts(cell).state.includes('c');
}

/** Whether the cell has a candidate: a last gate whose recurrent weights are not simply multiplied by h', such as the gru's n. */
export function hasCandidate(cell: Cell): boolean {
  return cellFacts(cell).kept.includes('candidate');
}

/** The field `reset` for a cell that has a reset gate; an empty object for others. */
export function resetField(cell: Cell, reset: Reset = 'before'): { readonly reset?: Reset } {
  return CELLS[cell].hasReset ? { reset } : {};
}
