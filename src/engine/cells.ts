/**
 * The cells: what distinguishes them, in one table. docs/notation.md has their equations.
 *
 * `reference/cells.ts` and native/kernels/cells.h compute them; `checkpoint/tensors/gates.ts` says how other programs have them.
 */

interface CellFacts {
  /** In the order in which they lie along the first dimension of a layer's tensors. */
  readonly gates: readonly string[];
  /** What is carried from step to step, in the order of the parts of a state. h is the output. */
  readonly state: readonly ('c' | 'h')[];
  /** What a tape keeps of every step beside the gates: the state before the step, and what the candidate was computed from. */
  readonly kept: readonly ('c' | 'h' | 'candidate')[];
  /** A gate whose input bias starts with a value of its own. */
  readonly initialBias?: { readonly gate: string; readonly title: string; readonly value: number };
  /** Whether the cell has a reset gate that acts before the recurrent product or after it. */
  readonly hasReset: boolean;
}

/** In the order of the kernels' numbers. */
export const CELLS = {
  lstm: {
    gates: ['i', 'f', 'o', 'g'],
    state: ['c', 'h'],
    kept: ['h', 'c'],
    // Jozefowicz et al. 2015: the cell remembers before it has learned to.
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

/** A cell, with the place of its reset gate where it has one. */
export interface CellKind {
  readonly cell: Cell;
  readonly reset?: Reset | undefined;
}

/** All that a layer can be. */
export const CELL_KINDS: readonly CellKind[] = CELL_NAMES.flatMap((cell): CellKind[] =>
  CELLS[cell].hasReset ? RESETS.map((reset) => ({ cell, reset })) : [{ cell }],
);

/** What the table says of a cell. */
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

/** Whether a cell carries c beside h. */
export function carriesC(cell: Cell): boolean {
  return cellFacts(cell).state.includes('c');
}

/** Whether the recurrent weights of a cell's last gate are multiplied with something else than h': its candidate. */
export function hasCandidate(cell: Cell): boolean {
  return cellFacts(cell).kept.includes('candidate');
}

/** The field `reset` of a cell that has such a gate; nothing for others. */
export function resetField(cell: Cell, reset: Reset = 'before'): { readonly reset?: Reset } {
  return CELLS[cell].hasReset ? { reset } : {};
}
