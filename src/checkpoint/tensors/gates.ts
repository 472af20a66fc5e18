/**
 * The names and gate orders of our cells in PyTorch and ONNX. For those of Torch7, see `formats/torch7/index.ts`.
 *
 * `CELLS` has our order. A gru's z weighs the old state in PyTorch and ONNX, but the new state here. Since 1 − σ(a) = σ(−a), the weights and
 * biases of z have the opposite sign there.
 */
import { type Cell, type CellKind, cellFacts, type Reset } from '../../engine/cells.ts';
import type { FloatArray } from '../../engine/engine.ts';

type Program = 'pytorch' | 'onnx';

/** A cell in another program. */
interface ProgramCell {
  /** The program's module or operator. */
  readonly name: string;
  /** Our gates, in the program's order. */
  readonly gates: readonly string[];
  /** The gate with the opposite sign. */
  readonly negated?: string;
  /** Where the reset gate acts, if the program has only one of the two variants. */
  readonly reset?: Reset;
}

const PROGRAM_CELLS: Readonly<Record<Program, Readonly<Partial<Record<Cell, ProgramCell>>>>> = {
  pytorch: {
    lstm: { name: 'nn.LSTM', gates: ['i', 'f', 'g', 'o'] },
    gru: { name: 'nn.GRU', gates: ['r', 'z', 'n'], negated: 'z', reset: 'after' },
    rnn: { name: 'nn.RNN', gates: ['h'] },
  },
  onnx: {
    lstm: { name: 'LSTM', gates: ['i', 'o', 'f', 'g'] },
    gru: { name: 'GRU', gates: ['z', 'r', 'n'], negated: 'z' },
    rnn: { name: 'RNN', gates: ['h'] },
  },
};

/** The program's equivalent of a cell; undefined if there is none. */
export function programCell(program: Program, { cell, reset }: CellKind): ProgramCell | undefined {
  const known = PROGRAM_CELLS[program][cell];
  return known?.reset === undefined || known.reset === reset ? known : undefined;
}

/** For each gate in the program's order, its index in ours; and the index in ours of the negated gate. */
function orderOf(program: Program, cell: Cell): { blocks: readonly number[]; negated: number | undefined } {
  const known = PROGRAM_CELLS[program][cell];
  if (!known) throw new TypeError(`${program} has no ${cell}`);
  const { gates } = cellFacts(cell);
  const { negated } = known;
  return {
    blocks: known.gates.map((gate) => gates.indexOf(gate)),
    negated: negated === undefined ? undefined : gates.indexOf(negated),
  };
}

/** What is reordered. Moments of an optimizer belong to our parameters and keep their sign. */
type Kind = 'parameters' | 'moments';

/** A copy of a layer's `weight_…` or `bias_…` [G·H, …] with its gates in a program's order. */
export function toGateOrder<T extends FloatArray>(program: Program, cell: Cell, values: T): T {
  const copy = values.slice() as T;
  let offset = 0;
  for (const block of gatesInOrder(program, cell, values)) {
    copy.set(block, offset);
    offset += block.length;
  }
  return copy;
}

/** The same, as separate gates: views of `values`, except for the negated gate, which is a copy. */
export function gatesInOrder<T extends FloatArray>(
  program: Program,
  cell: Cell,
  values: T,
  kind: Kind = 'parameters',
): T[] {
  const { blocks, negated } = orderOf(program, cell);
  const size = values.length / blocks.length;
  return blocks.map((own) => {
    const block = values.subarray(own * size, (own + 1) * size) as T;
    return own === negated && kind === 'parameters' ? (block.map((value) => -value) as T) : block;
  });
}

/** The inverse of `toGateOrder`, bit for bit, into an array of the same length. */
export function fromGateOrder<T extends FloatArray>(
  program: Program,
  cell: Cell,
  values: T,
  into: T,
  kind: Kind = 'parameters',
): void {
  const { blocks, negated } = orderOf(program, cell);
  const size = values.length / blocks.length;
  blocks.forEach((own, index) => {
    const block = into.subarray(own * size, (own + 1) * size);
    block.set(values.subarray(index * size, (index + 1) * size));
    if (own !== negated || kind === 'moments') return;
    block.forEach((value, index) => {
      block[index] = -value;
    });
  });
}
