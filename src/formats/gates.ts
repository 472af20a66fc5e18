/**
 * The orders in which programs stack the gates of a layer.
 *
 * Here (`engine/layout.ts`) an lstm's are i, f, o, g and a gru's z, r, n, and its z weighs the new state. PyTorch
 * (`nn.LSTM`, `nn.GRU`) has i, f, g, o and r, z, n; ONNX (operators LSTM, GRU) has i, o, f, c and z, r, h. In both z weighs
 * the old state: since 1 − σ(a) = σ(−a), its weights and biases have the other sign.
 */
import type { FloatArray } from '../engine/engine.ts';
import type { Cell } from '../engine/layout.ts';

export type GateOrder = 'pytorch' | 'onnx';

interface Order {
  /** Which of our blocks stands at each place of the program's. */
  readonly blocks: readonly number[];
  /** The one of our blocks whose sign is the other. */
  readonly negated?: number;
}

const ORDERS: Record<GateOrder, Record<Cell, Order>> = {
  pytorch: {
    lstm: { blocks: [0, 1, 3, 2] },
    gru: { blocks: [1, 0, 2], negated: 0 },
    rnn: { blocks: [0] },
  },
  onnx: {
    lstm: { blocks: [0, 2, 1, 3] },
    gru: { blocks: [0, 1, 2], negated: 0 },
    rnn: { blocks: [0] },
  },
};

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
  const { blocks, negated } = ORDERS[program][cell];
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
  const { blocks, negated } = ORDERS[program][cell];
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
