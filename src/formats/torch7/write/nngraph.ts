/**
 * The objects of Torch's nngraph for a network: an `nn.gModule` with its graph in both directions.
 *
 * Nodes, edges and modules stand in the order in which nngraph makes them, so that a file from here is that of the original
 * up to the order of keys, which Lua leaves open.
 */
import { Table, TorchObject, type Value } from '../values.ts';

/** A node of a network, made after the nodes that it takes its input from. */
export interface GraphNode {
  readonly inputs: readonly GraphNode[];
  readonly module: TorchObject | undefined;
  /** What both directions of the graph share. */
  readonly data: Table;
}

interface NodeInput {
  readonly module?: TorchObject;
  readonly fields?: Readonly<Record<string, Value>>;
  /** Where the original makes it, as nngraph notes: `[./model/RNN.lua]:30_`. */
  readonly label: string;
  /** The name that the original gives it. */
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

/** The tensors of a node that gives several. */
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

/** The node that gets what the whole graph is given. */
export function inputNode(): GraphNode {
  return graphNode([], { fields: { input: new Table() }, label: '[[C]]:-1_' });
}

/** The graph of a network, from the node that gets its inputs to those that are its outputs. */
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

/** All edges towards the inputs, breadth first. */
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

/** The objects of one direction; nodes are numbered as the edges name them. */
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

/** Nodes after all those that they lead to, depth first. Without recursion: a network has many layers. */
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

/** A list whose values are also keys, of their numbers. */
function withInverse(values: readonly (Table | TorchObject)[]): Table {
  const table = Table.list(values);
  values.forEach((value, index) => {
    table.add(value, index + 1);
  });
  return table;
}
