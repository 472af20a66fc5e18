/**
 * Reads the graph of an `nn.gModule` from its output towards its inputs.
 *
 * A node is represented by its data, a table: `module` is what it computes, `mapindex` has the data of the nodes from which it gets its input.
 * Modules that only pass on their input are skipped. The order of modules and nodes in the file does not matter.
 */
import { malformed, Torch7Fault, unsupported } from '../errors.ts';
import type { Table, TorchObject } from '../values.ts';
import { fieldsOf, numberOf, objectOf, tableOf } from './fields.ts';
import { matrixOf } from './matrix.ts';
import type { LinearMap } from './model-maps.ts';

/** A node that computes something. */
export interface Computed {
  readonly type: 'computed';
  /** The class of its module. */
  readonly kind: string;
  readonly fields: Table;
  readonly inputs: readonly Table[];
  readonly data: Table;
}

/** An input of the whole graph. */
export interface GraphInput {
  readonly type: 'input';
  readonly kind: 'an input';
  readonly index: number;
}

/** One of several output tensors of a node. */
export interface Selected {
  readonly type: 'selected';
  readonly kind: 'a part';
  /** From 1 to `count`. */
  readonly index: number;
  readonly count: number;
  readonly of: Table;
}

export type Node = Computed | GraphInput | Selected;

/** The nodes that are the outputs of a graph. */
export function graphOutputs(graph: TorchObject): Table[] {
  if (graph.className !== 'nn.gModule')
    throw unsupported(`its network is a ${graph.className}, expected an nn.gModule`);
  const outnode = objectOf(fieldsOf(graph).get('outnode'), 'nn.gModule.outnode');
  return inputsOf(tableOf(fieldsOf(outnode).get('data'), 'the data of the output'));
}

/** The node at some data, or the node before it if its module only passes on its input. */
export function nodeAt(start: Table): Node {
  const passed = new Set<Table>();
  for (let data = start; ; ) {
    if (passed.has(data))
      throw new Torch7Fault('torch7-cycle', 'its network is a node that is its own input');
    passed.add(data);
    const module = data.get('module');
    const inputs = inputsOf(data);
    const [first] = inputs;
    if (module === null) {
      const index = numberOf(data.get('selectindex'));
      if (index === undefined || !first) throw malformed('a node of its network has no module');
      return selected(index, first);
    }
    const object = objectOf(module, 'the module of a node');
    if (object.className !== 'nn.Identity' && object.className !== 'nn.Reshape')
      return { type: 'computed', kind: object.className, fields: fieldsOf(object), inputs, data };
    if (!first) throw malformed(`an ${object.className} without an input`);
    data = first;
  }
}

/** The tensor that a node selects from a split, which follows the graph's input or a module with several outputs. */
function selected(index: number, split: Table): Node {
  const [source] = inputsOf(split);
  if (!source || source.get('module') === null) return { type: 'input', kind: 'an input', index };
  const count = numberOf(split.get('nSplitOutputs')) ?? 0;
  if (index < 1 || index > count)
    throw malformed(`a node of its network selects tensor ${index} of ${count}`);
  return { type: 'selected', kind: 'a part', index, count, of: source };
}

/** The node at some data. Its module must be of the class `kind`. */
export function computedAt(data: Table, kind: string, where: string): Computed {
  const node = nodeAt(data);
  if (node.type === 'computed' && node.kind === kind) return node;
  throw unsupported(`${where} is computed by ${node.kind}, expected ${kind}`);
}

/** The node that a chain of dropouts starts from, and the effect of the dropouts at evaluation. */
export interface BeforeDropout {
  readonly node: Node;
  /** The highest probability of the dropouts; 0 if there are none. */
  readonly dropout: number;
  /** The factor of first-version dropouts, which scale at evaluation instead of during training. */
  readonly scale: number;
}

export function beforeDropout(start: Table): BeforeDropout {
  let dropout = 0;
  let scale = 1;
  let node = nodeAt(start);
  const passed = new Set<Table>();
  while (node.type === 'computed' && node.kind === 'nn.Dropout') {
    const [from] = node.inputs;
    if (!from || passed.has(from))
      throw new Torch7Fault('torch7-cycle', 'a dropout of its network is its own input');
    passed.add(from);
    const p = dropoutProbability(node.fields);
    dropout = Math.max(dropout, p);
    if (node.fields.get('v2') !== true) scale *= 1 - p;
    node = nodeAt(from);
  }
  return { node, dropout, scale };
}

/** The probability of an `nn.Dropout`. */
export function dropoutProbability(fields: Table): number {
  const p = numberOf(fields.get('p')) ?? 0;
  if (p >= 0 && p < 1) return p;
  throw malformed(`dropout is ${p}, expected at least 0 and less than 1`);
}

/** The map of an `nn.Linear`. */
export function linearMap(fields: Table, where: string): LinearMap {
  const bias = fields.get('bias');
  return {
    weight: matrixOf(fields.get('weight'), `the weight of ${where}`),
    bias: bias === null ? undefined : matrixOf(bias, `the bias of ${where}`),
  };
}

function inputsOf(data: Table): Table[] {
  return tableOf(data.get('mapindex'), 'mapindex of a node')
    .list()
    .map((input) => tableOf(input, 'an input of a node'));
}
