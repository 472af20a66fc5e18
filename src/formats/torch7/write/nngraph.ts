/**
 * Creates the objects of Torch's nngraph for a network: an `nn.gModule` with its graph in both directions.
 *
 * Nodes, edges and modules are in the order in which nngraph creates them. So a file is the same as the original's, except for the order of
 * keys, which is arbitrary in Lua.
 */
import { Table, TorchObject, type Value } from '../values.ts';

/** A node of a network. It is created after the nodes that it gets its inputs from. */
export interface GraphNode {
  readonly inputs: readonly GraphNode[];
  readonly module: TorchObject | undefined;
  /** The data that both directions of the graph share. */
  readonly data: Table;
}

interface NodeInput {
  readonly module?: TorchObject;
  readonly fields?: Readonly<Record<string, Value>>;
  /** The line of the original that makes it, as recorded by nngraph: `[./model/RNN.lua]:30_`. */
  readonly label: string;
  /** Its name in the original, if any. */
  readonly name?: string | undefined;
}

export function graphNode(
  inputs: readonly GraphNode[],
  { module, fields, label, name }: NodeInput,
): GraphNode {
  const annotations = Table.of({ ...(name !== undefined && { name }), _debugLabel: label });
  const mapindex = withInverse(inputs.map(({ data }) => data));
  const data = Table.of({ annotations, mapindex, ...fields, ...(module && { module }) });
  return { inputs, module, data };
}

/** The output tensors of a node that has several. */
export function splitNode(source: GraphNode, count: number, label: string, where: string): GraphNode[] {
  const split = graphNode([source], {
    fields: { nSplitOutputs: count },
    label: `${label} split at ${where}-mnode`,
  });
  return Array.from({ length: count }, (_, index) =>
    graphNode([split], {
      fields: { selectindex: index + 1, input: new Table() },
      label: `${label}-${index + 1}`,
    }),
  );
}

/** The node for the inputs of the whole graph. */
export function inputNode(): GraphNode {
  return graphNode([], { fields: { input: new Table() }, label: '[[C]]:-1_' });
}

/** The graph of a network, given the node for its inputs and its output nodes. */
export function graphModule(input: GraphNode, inputCount: number, outputs: readonly GraphNode[]) {
  const result = new Table();
  const output = graphNode(outputs, { fields: { input: result }, label: '[[C]]:-1_' });
  const edges = edgesFrom(output);
  const users = new Map<GraphNode, GraphNode[]>([[output, []]]);
  for (const { from, to } of edges) users.set(to, [...(users.get(to) ?? []), from]);
  const reversed = edges.map(({ from, to }) => ({ from: to, to: from }));
  const backward = directedGraph(edges, ({ inputs }) => inputs);
  const forward = directedGraph(reversed, (node) => users.get(node) ?? []);
  for (const [node, using] of users) {
    const reverseMap = new Table();
    for (const user of using) reverseMap.add(backward.of(user), true);
    node.data.add('reverseMap', reverseMap);
    node.data.add('forwardNodeId', forward.numberOf(node));
  }
  const sorted = postorder(output, ({ inputs }) => inputs);
  const modules = sorted.flatMap(({ module }) => module ?? []);
  const payload = Table.of({
    _type: 'torch.DoubleTensor',
    modules: Table.list(modules),
    nInputs: inputCount,
    verbose: false,
    output: result,
    innode: forward.of(input),
    outnode: backward.of(output),
    fg: forward.graph,
    bg: backward.graph,
    forwardnodes: Table.list(sorted.map(forward.of)),
    backwardnodes: Table.list(postorder(input, (node) => users.get(node) ?? []).map(backward.of)),
  });
  return { object: new TorchObject('nn.gModule', payload), modules };
}

interface Edge {
  readonly from: GraphNode;
  readonly to: GraphNode;
}

/** All edges towards the inputs, in breadth-first order. */
function edgesFrom(root: GraphNode): Edge[] {
  const nodes = [root];
  const known = new Set(nodes);
  const edges: Edge[] = [];
  for (const from of nodes) {
    for (const to of from.inputs) {
      edges.push({ from, to });
      if (!known.has(to)) nodes.push(to);
      known.add(to);
    }
  }
  return edges;
}

/** The objects for one direction. Nodes are numbered in the order in which they occur in edges. */
function directedGraph(edges: readonly Edge[], childrenOf: (node: GraphNode) => readonly GraphNode[]) {
  const numbers = new Map<GraphNode, number>();
  const objects = new Map<GraphNode, TorchObject>();
  for (const node of edges.flatMap(({ from, to }) => [from, to])) {
    if (objects.has(node)) continue;
    numbers.set(node, numbers.size + 1);
    objects.set(node, new TorchObject('nngraph.Node'));
  }
  const of = (node: GraphNode) => objects.get(node) as TorchObject;
  for (const [node, object] of objects) {
    object.payload = Table.of({
      data: node.data,
      id: numbers.get(node) as number,
      children: withInverse(childrenOf(node).map(of)),
      visited: false,
      marked: false,
    });
  }
  const edgeObjects = edges.map(
    ({ from, to }) => new TorchObject('graph.Edge', Table.of({ from: of(from), to: of(to) })),
  );
  const fields = { nodes: withInverse([...objects.values()]), edges: withInverse(edgeObjects) };
  return {
    graph: new TorchObject('graph.Graph', Table.of(fields)),
    of,
    numberOf: (node: GraphNode) => numbers.get(node) as number,
  };
}

/** The nodes in depth-first postorder. Not recursive, because a network may have many layers. */
function postorder(root: GraphNode, nextOf: (node: GraphNode) => readonly GraphNode[]): GraphNode[] {
  const sorted: GraphNode[] = [];
  const known = new Set([root]);
  const open = [{ node: root, next: 0 }];
  for (let top = open.at(-1); top; top = open.at(-1)) {
    const node = nextOf(top.node)[top.next++];
    if (!node) {
      sorted.push(top.node);
      open.pop();
    } else if (!known.has(node)) {
      known.add(node);
      open.push({ node, next: 0 });
    }
  }
  return sorted;
}

/** A list that also maps its values to their indices. */
function withInverse(values: readonly (Table | TorchObject)[]): Table {
  const table = Table.list(values);
  values.forEach((value, index) => {
    table.add(value, index + 1);
  });
  return table;
}
