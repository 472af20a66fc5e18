/**
 * How other programs have our cells: under which names, and with their gates in which order.
 *
 * `CELLS` has our order. In PyTorch and ONNX a gru's z weighs the old state, here the new one: since 1 − σ(a) = σ(−a), its weights and
 * biases have the other sign there.
 */
import { type Cell, type CellKind, cellFacts, type Reset } from '../../engine/cells.ts';
import type { FloatArray } from '../../engine/engine.ts';

export type GateOrder = 'pytorch' | 'onnx';

/** A cell of a program. */
interface ProgramCell {
  /** The program's module or operator. */
  readonly name: string;
  /** Our gates, in the program's order. */
  readonly gates: readonly string[];
  /** The gate whose sign is the other. */
  readonly negated?: string;
  /** Where the reset gate acts, if the program has one of the two alone. */
  readonly reset?: Reset;
}

const PROGRAM_CELLS: Readonly<Record<GateOrder, Readonly<Partial<Record<Cell, ProgramCell>>>>> = {
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

/** A layer's cell as the program has it; undefined where it does not. */
export function programCell(program: GateOrder, { cell, reset }: CellKind): ProgramCell | undefined {
  const known = PROGRAM_CELLS[program][cell];
  return known?.reset === undefined || known.reset === reset ? known : undefined;
}

/** Which of our blocks stands at each place of the program's, and which of ours has the other sign. */
function orderOf(program: GateOrder, cell: Cell): { blocks: readonly number[]; negated: number | undefined } {
  const known = PROGRAM_CELLS[program][cell];
  if (!known) throw new TypeError(`${program} has no ${cell}`);
  const { gates } = cellFacts(cell);
  const { negated } = known;
  return {
    blocks: known.gates.map((gate) => gates.indexOf(gate)),
    negated: negated === undefined ? undefined : gates.indexOf(negated),
  };
}

/** What is put in order. Moments of an optimizer belong to our own parameters, and keep their sign. */
type Kind = 'parameters' | 'moments';

/** A layer's `weight_…` or `bias_…` [G·H, …] with its gates in a program's order. A copy. */
export function toGateOrder<T extends FloatArray>(program: GateOrder, cell: Cell, values: T): T {
  const copy = values.slice() as T;
  let place = 0;
  for (const block of gatesInOrder(program, cell, values)) {
    copy.set(block, place);
    place += block.length;
  }
  return copy;
}

/** The same gate by gate, in the program's order: parts of `values`, and a copy only where the sign is another. */
export function gatesInOrder<T extends FloatArray>(
  program: GateOrder,
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

/** The way back, to the same bits, into an array of the same length. */
export function fromGateOrder<T extends FloatArray>(
  program: GateOrder,
  cell: Cell,
  values: T,
  into: T,
  kind: Kind = 'parameters',
): void {
  const { blocks, negated } = orderOf(program, cell);
  const size = values.length / blocks.length;
  blocks.forEach((own, place) => {
    const block = into.subarray(own * size, (own + 1) * size);
    block.set(values.subarray(place * size, (place + 1) * size));
    if (own !== negated || kind === 'moments') return;
    block.forEach((value, index) => {
      block[index] = -value;
    });
  });
}
