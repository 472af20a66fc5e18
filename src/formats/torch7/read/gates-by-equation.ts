/** Finds the linear maps of each gate, by matching the graph of a network with the equations of docs/notation.md. */
import { Torch7Fault, unsupported } from '../errors.ts';
import type { Table } from '../values.ts';
import { numberOf } from './fields.ts';
import { rowsOf } from './matrix.ts';
import type { GateMaps, LinearMap } from './model-maps.ts';
import {
  type BeforeDropout,
  beforeDropout,
  type Computed,
  computedAt,
  linearMap,
  type Node,
  nodeAt,
} from './module-graph.ts';

/** A state of a layer, and the input of the graph that receives it at the next step. */
interface LayerState {
  readonly node: Computed;
  readonly input: number;
}

export interface Layer {
  /** In the order of `CELLS[cell].gates` (`engine/cells.ts`). */
  readonly gates: readonly GateMaps[];
  readonly states: readonly LayerState[];
  /** The input of the layer. */
  readonly below: BeforeDropout;
}

/** W x + U h': the two maps and their inputs. */
interface Sums {
  readonly input: LinearMap;
  readonly state: LinearMap;
  readonly below: BeforeDropout;
  readonly stateNode: Node;
}

/** h = tanh(W x + U h') */
export function rnnLayer(hidden: Computed): Layer {
  const { input, state, below, stateNode } = sumsAt(inputOf(hidden));
  return { gates: [{ input, state }], states: [{ node: hidden, input: inputIndex(stateNode) }], below };
}

/** h = o·tanh(c), c = f·c' + i·g */
export function lstmLayer(hidden: Computed): Layer {
  const [squashed, outputGate] = ordered(hidden, (node) => node.kind === 'nn.Tanh');
  const cell = computedAt(
    inputOf(computedAt(squashed, 'nn.Tanh', 'a factor of h')),
    'nn.CAddTable',
    "an lstm's c",
  );
  const products = inputPair(cell).map((data) => computedAt(data, 'nn.CMulTable', "a term of an lstm's c"));
  const kept = products.find((product) => product.inputs.some((data) => nodeAt(data).type === 'input'));
  const added = products.find((product) => product !== kept);
  if (!kept || !added) throw unsupported("an lstm's c is not f·c' + i·g");
  const [oldCell, forgetGate] = ordered(kept, (node) => node.type === 'input');
  const [left, right] = inputPair(added);
  const [a, b] = [gateAt(left), gateAt(right)];
  const [i, g] = a.activation === 'nn.Sigmoid' ? [a, b] : [b, a];
  const sums = sumsAt(i.sums.data);
  const size = sums.state.weight.rows / 4;
  return {
    // In the order of CELLS.lstm.gates (engine/cells.ts).
    gates: [i, gateAt(forgetGate), gateAt(outputGate), g].map((gate, index) => {
      if (gate.sums.data !== i.sums.data || gate.activation !== (index === 3 ? 'nn.Tanh' : 'nn.Sigmoid'))
        throw unsupported(`gate ${index + 1} of an lstm is not one of its four`);
      const start = gate.start(4 * size);
      return { input: partOf(sums.input, start, size), state: partOf(sums.state, start, size) };
    }),
    states: [
      { node: hidden, input: inputIndex(sums.stateNode) },
      { node: cell, input: inputIndex(nodeAt(oldCell)) },
    ],
    below: sums.below,
  };
}

/** h = z·n + (1 − z)·h', n = tanh(W x + U (r·h')) */
export function gruLayer(hidden: Computed): Layer {
  const products = inputPair(hidden).map((data) => computedAt(data, 'nn.CMulTable', "a term of a gru's h"));
  const kept = products.find((product) => product.inputs.some((data) => nodeAt(data).type === 'input'));
  const added = products.find((product) => product !== kept);
  if (!kept || !added) throw unsupported("a gru's h is not z·n + (1 − z)·h'");
  const [candidate, update] = ordered(added, (node) => node.kind === 'nn.Tanh');
  const [oldState, rest] = ordered(kept, (node) => node.type === 'input');
  const z = computedAt(update, 'nn.Sigmoid', "a gru's z");
  if (oneMinus(rest).data !== z.data) throw unsupported("a gru's (1 − z) uses another z");
  const n = sumsAt(inputOf(computedAt(candidate, 'nn.Tanh', "a gru's n")));
  if (n.stateNode.type !== 'computed')
    throw unsupported("a gru's reset gate does not act before the product");
  const [resetState, reset] = ordered(n.stateNode, (node) => node.type === 'input');
  const r = computedAt(reset, 'nn.Sigmoid', "a gru's r");
  const zSums = sumsAt(inputOf(z));
  const rSums = sumsAt(inputOf(r));
  const input = inputIndex(nodeAt(oldState));
  const sameState = [nodeAt(resetState), zSums.stateNode, rSums.stateNode].every(
    (node) => inputIndex(node) === input,
  );
  const sameInput = [zSums, rSums].every(
    ({ below }) => sameNode(below.node, n.below.node) && below.scale === n.below.scale,
  );
  if (!sameState || !sameInput) throw unsupported('the gates of a gru do not have the same inputs');
  // In the order of CELLS.gru.gates (engine/cells.ts).
  return { gates: [zSums, rSums, n], states: [{ node: hidden, input }], below: n.below };
}

/** The node of z, given that of 1 − z. */
function oneMinus(data: Table): Computed {
  const plus = computedAt(data, 'nn.AddConstant', "a gru's (1 − z)");
  const minus = computedAt(inputOf(plus), 'nn.MulConstant', "a gru's −z");
  if (plus.fields.get('constant_scalar') !== 1 || minus.fields.get('constant_scalar') !== -1)
    throw unsupported("a gru's (1 − z) has other constants");
  return computedAt(inputOf(minus), 'nn.Sigmoid', "a gru's z");
}

/** Recognises W x + U h'. The inputs of the two maps show which of them is U. */
function sumsAt(data: Table): Sums {
  const maps = inputPair(computedAt(data, 'nn.CAddTable', 'the sums of a gate')).map((input) => {
    const linear = computedAt(input, 'nn.Linear', 'a term of the sums of a gate');
    return { map: linearMap(linear.fields, 'a gate'), from: beforeDropout(inputOf(linear)) };
  });
  const state = maps.find(({ from }) => isState(from.node));
  const input = maps.find((map) => map !== state);
  if (!state || !input || isState(input.from.node))
    throw unsupported("the sums of a gate are not W x + U h'");
  if (state.from.dropout > 0) throw unsupported('dropout acts within a layer');
  return { input: input.map, state: state.map, below: input.from, stateNode: state.from.node };
}

/** Whether a node is an old state or, in a gru, r·h'. */
function isState(node: Node): boolean {
  if (node.type === 'input') return node.index > 1;
  return (
    node.type === 'computed' &&
    node.kind === 'nn.CMulTable' &&
    node.inputs.some((data) => nodeAt(data).type === 'input')
  );
}

interface Gate {
  /** The class of its activation function. */
  readonly activation: string;
  readonly sums: Computed;
  /** Its first row in the sums of all gates, given the total number of rows. */
  readonly start: (total: number) => number;
}

/** Recognises a gate, which uses a part of the sums of all gates: by `nn.SplitTable`, or in the first versions by `nn.Narrow`. */
function gateAt(data: Table): Gate {
  let activation: string | undefined;
  let narrowed = 0;
  let part = 0;
  const passed = new Set<Table>();
  for (let at = data; ; ) {
    if (passed.has(at)) throw new Torch7Fault('torch7-cycle', 'a gate of its network is its own input');
    passed.add(at);
    const node = nodeAt(at);
    if (node.type === 'selected') {
      const split = computedAt(node.of, 'nn.SplitTable', 'the parts of the sums');
      if (split.fields.get('dimension') !== 2 || part > 0)
        throw unsupported('the sums of the gates are split in another way');
      part = (node.index - 1) / node.count;
      at = inputOf(split);
    } else if (node.type !== 'computed') throw unsupported('a gate is an input');
    else if (node.kind === 'nn.CAddTable' && activation)
      return { activation, sums: node, start: (total) => narrowed + part * total };
    else if (node.kind === 'nn.Narrow') {
      if (node.fields.get('dimension') !== 2) throw unsupported('an nn.Narrow selects a part of the batch');
      narrowed += (numberOf(node.fields.get('index')) ?? 1) - 1;
      at = inputOf(node);
    } else if ((node.kind === 'nn.Sigmoid' || node.kind === 'nn.Tanh') && !activation) {
      activation = node.kind;
      at = inputOf(node);
    } else throw unsupported(`a gate is computed by ${node.kind}`);
  }
}

/** The only input of a node. */
function inputOf({ kind, inputs: [first, ...more] }: Computed): Table {
  if (first && more.length === 0) return first;
  throw unsupported(`an ${kind} of its network does not have exactly one input`);
}

function inputPair({ kind, inputs: [first, second, ...more] }: Computed): [Table, Table] {
  if (first && second && more.length === 0) return [first, second];
  throw unsupported(`an ${kind} of its network does not have exactly two inputs`);
}

/** The two inputs of a node, beginning with the one for which `isFirst` is true. */
function ordered(node: Computed, isFirst: (node: Node) => boolean): [Table, Table] {
  const [left, right] = inputPair(node);
  if (isFirst(nodeAt(left))) return [left, right];
  if (isFirst(nodeAt(right))) return [right, left];
  throw unsupported(`an ${node.kind} of its network has other inputs than in a known layer`);
}

function inputIndex(node: Node): number {
  if (node.type === 'input') return node.index;
  throw unsupported('the state of a layer is not an input of its network');
}

function sameNode(a: Node, b: Node): boolean {
  if (a.type === 'computed') return b.type === 'computed' && a.data === b.data;
  return a.type === 'input' && b.type === 'input' && a.index === b.index;
}

function partOf(map: LinearMap, start: number, size: number): LinearMap {
  return {
    weight: rowsOf(map.weight, start, size, 'a gate'),
    bias: map.bias && rowsOf(map.bias, start, size, 'a gate'),
  };
}
