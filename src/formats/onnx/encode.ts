/**
 * Writes a model as an ONNX graph of standard operators.
 *
 *     tokens [time, batch] ─► OneHot, or Gather from an embedding ─► LSTM | GRU | RNN ─► … ─► MatMul, Add, LogSoftmax
 *
 * Inputs: the tokens, and the state of every layer, `h_l0` … and for an lstm `c_l0` …, each [1, batch, H]. Outputs:
 * `log_probabilities` [time, batch, V], and the states after the last step, `h_l0_next` …. Time and batch can have any size.
 *
 * Constants in half precision are cast to float32, in which the graph computes: few runtimes compute these operators in half precision.
 */

import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { checkpointMetadata } from '../../checkpoint/codec.ts';
import { toHalf } from '../../checkpoint/safetensors/half-precision.ts';
import type { HalfPrecision } from '../../checkpoint/stored-precision.ts';
import { programCell, toGateOrder } from '../../checkpoint/tensors/gates.ts';
import { cellFacts } from '../../engine/cells.ts';
import type { FloatArray, Precision } from '../../engine/engine.ts';
import {
  type Layout,
  layerOf,
  type Module,
  type ParameterSlice,
  parameterSlices,
  type RecurrentModule,
  recurrentModules,
} from '../../engine/layout.ts';
import { floatArrayType } from '../../engine/precision.ts';
import { CheckpointError } from '../../errors.ts';
import { layoutOf, type ModelConfig } from '../../model/config.ts';
import { MessageWriter } from '../protobuf.ts';
import { ENTRY, GRAPH, initializer, MODEL, node, TYPES, valueInfo } from './schema.ts';

const PRODUCER = 'char-rnn';
/** The metadata entry with the symbols: a JSON array of strings. Bytes are written as the characters U+0000–U+00FF. */
export const VOCABULARY_KEY = 'vocabulary';

const IR_VERSION = 8;
/** The first version with the current form of LSTM, GRU and RNN. */
const OPERATOR_SET = 14;
/** Protocol Buffers does not support larger messages. */
const MAX_SIZE = 2 ** 31 - 1;

/**
 * Encodes the file in parts. Leaves out the training state.
 *
 * @param storedAs Rounds the parameters to this type. Default: the checkpoint's precision.
 * @throws {CheckpointError} `checkpoint-not-convertible` for a cell that ONNX does not have, and for a model of more than 2 GB
 */
export function encodeOnnx(checkpoint: Checkpoint, storedAs?: HalfPrecision): Uint8Array[] {
  const { training: _, ...model } = checkpoint;
  const message = new MessageWriter()
    .varint(MODEL.irVersion, IR_VERSION)
    .text(MODEL.producerName, PRODUCER)
    .message(MODEL.graph, graphOf(model, storedAs))
    .message(MODEL.operatorSets, new MessageWriter().text(1, '').varint(2, OPERATOR_SET));
  const { symbols } = checkpoint.vocabulary;
  for (const [key, value] of [
    ...checkpointMetadata(model, storedAs),
    [VOCABULARY_KEY, JSON.stringify(symbols)],
  ] as const) {
    message.message(MODEL.metadata, new MessageWriter().text(ENTRY.key, key).text(ENTRY.value, value));
  }
  if (message.size > MAX_SIZE) {
    throw new CheckpointError(
      'checkpoint-not-convertible',
      'the model is too large for an ONNX file, which can hold at most 2 GB. Convert it to .safetensors.',
    );
  }
  return message.parts;
}

/** Collects the nodes and constants of a graph. */
class GraphBuilder {
  readonly nodes: MessageWriter[] = [];
  readonly initializers: MessageWriter[] = [];
  readonly inputs: MessageWriter[] = [];
  readonly outputs: MessageWriter[] = [];
  /** The precision in which the graph computes. */
  readonly precision: Precision;
  /** The type in which the file stores the parameters, if not that precision. */
  readonly #storedAs: HalfPrecision | undefined;

  constructor(precision: Precision, storedAs: HalfPrecision | undefined) {
    this.precision = precision;
    this.#storedAs = storedAs;
  }

  add(
    operator: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes?: Record<string, number>,
  ) {
    this.nodes.push(node(operator, inputs, outputs, attributes));
    return outputs[0] as string;
  }

  floats(name: string, shape: readonly number[], values: FloatArray): string {
    this.initializers.push(initializer(name, this.precision, shape, values));
    return name;
  }

  /** The name of a parameter as an input of nodes. `addConstants` adds its constant. */
  parameter(constant: string): string {
    return this.#storedAs ? castName(constant) : constant;
  }

  addParameter(name: string, shape: readonly number[], values: FloatArray): void {
    if (!this.#storedAs) {
      this.floats(name, shape, values);
      return;
    }
    this.initializers.push(initializer(name, this.#storedAs, shape, toHalf(values, this.#storedAs)));
    this.add('Cast', [name], [castName(name)], { to: TYPES[this.precision] });
  }

  integers(name: string, values: readonly number[], shape: readonly number[] = [values.length]): string {
    this.initializers.push(initializer(name, 'int64', shape, BigInt64Array.from(values, BigInt)));
    return name;
  }
}

function castName(constant: string): string {
  return `${constant}_cast`;
}

function graphOf({ config, precision, parameters }: Checkpoint, storedAs?: HalfPrecision): MessageWriter {
  const operator = operatorOf(config);
  const graph = new GraphBuilder(precision, storedAs);
  const layout = layoutOf(config);
  graph.inputs.push(valueInfo('tokens', 'int64', ['time', 'batch']));
  graph.outputs.push(valueInfo('log_probabilities', precision, ['time', 'batch', config.vocabularySize]));
  addConstants(graph, layout, parameters);
  const axis = graph.integers('direction_axis', [1]);
  let current = addInput(graph, config);
  for (const [layer, module] of recurrentModules(layout).entries()) {
    const sequence = addLayer(graph, operator, module, layer, current);
    current = graph.add('Squeeze', [sequence, axis], [`output_l${layer}`]);
  }
  const transposed = graph.add('Transpose', [graph.parameter('decoder.weight')], ['decoder_transposed']);
  const product = graph.add('MatMul', [current, transposed], ['decoder_product']);
  const logits = graph.add('Add', [product, graph.parameter('decoder.bias')], ['logits']);
  graph.add('LogSoftmax', [logits], ['log_probabilities']);
  return new MessageWriter()
    .messages(GRAPH.nodes, graph.nodes)
    .text(GRAPH.name, PRODUCER)
    .messages(GRAPH.initializers, graph.initializers)
    .messages(GRAPH.inputs, graph.inputs)
    .messages(GRAPH.outputs, graph.outputs);
}

function operatorOf({ cell, reset }: ModelConfig): string {
  const known = programCell('onnx', { cell, reset });
  if (known) return known.name;
  throw new CheckpointError('checkpoint-not-convertible', `ONNX has no ${cell}. Convert it to .safetensors.`);
}

/** The name and shape of the constant that holds a parameter tensor. For a bias, `part` is the half of the constant. */
interface ConstantPart {
  readonly name: string;
  readonly shape: readonly number[];
  readonly part?: 0 | 1;
}

/**
 * The constant of the graph that holds a parameter tensor. The first axis of a layer's constants is for directions. Weights are [1, G·H, …];
 * both biases are in `bias_l0` [1, 2·G·H].
 */
export function constantOf(layout: Layout, { module, name, shape }: ParameterSlice): ConstantPart {
  const owner = layout[module] as Module;
  if (owner.kind !== 'recurrent') return { name: `${owner.name}.${name}`, shape };
  const layer = layerOf(layout, module);
  if (name === 'weight_ih' || name === 'weight_hh')
    return { name: `${name}_l${layer}`, shape: [1, ...shape] };
  const [size = 0] = shape;
  return { name: `bias_l${layer}`, shape: [1, 2 * size], part: name === 'bias_ih' ? 0 : 1 };
}

/** Adds the parameters as constants, in the gate order of ONNX. */
function addConstants(graph: GraphBuilder, layout: Layout, parameters: FloatArray) {
  let firstHalf = parameters.subarray(0, 0);
  for (const slice of parameterSlices(layout)) {
    const own = parameters.subarray(slice.offset, slice.offset + slice.size);
    const module = layout[slice.module];
    const values = module?.kind === 'recurrent' ? toGateOrder('onnx', module.cell, own) : own;
    const { name, shape, part } = constantOf(layout, slice);
    if (part === undefined) graph.addParameter(name, shape, values);
    else if (part === 0) firstHalf = values;
    else graph.addParameter(name, shape, joined(firstHalf, values));
  }
}

function joined(first: FloatArray, second: FloatArray): FloatArray {
  const length = first.length + second.length;
  const both = first instanceof Float64Array ? new Float64Array(length) : new Float32Array(length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Adds the nodes for the first layer's input, [time, batch, D]. Returns its name. */
function addInput(graph: GraphBuilder, { vocabularySize: V, embeddingSize }: ModelConfig): string {
  if (embeddingSize !== undefined)
    return graph.add('Gather', [graph.parameter('embedding.weight'), 'tokens'], ['input']);
  const depth = graph.integers('vocabulary_size', [V], []);
  const offAndOn = graph.floats('off_and_on', [2], floatArrayType(graph.precision).of(0, 1));
  return graph.add('OneHot', ['tokens', depth, offAndOn], ['input']);
}

/** Adds a recurrent layer. Returns the name of its output, h of every step, [time, 1, batch, H]. */
function addLayer(
  graph: GraphBuilder,
  operator: string,
  module: RecurrentModule,
  layer: number,
  input: string,
): string {
  const { cell, hiddenSize: H } = module;
  // In ONNX, h precedes c.
  const states = cellFacts(cell)
    .state.toReversed()
    .map((part) => `${part}_l${layer}`);
  const next = states.map((name) => `${name}_next`);
  for (const name of states) graph.inputs.push(valueInfo(name, graph.precision, [1, 'batch', H]));
  for (const name of next) graph.outputs.push(valueInfo(name, graph.precision, [1, 'batch', H]));
  const constants = ['weight_ih', 'weight_hh', 'bias'].map((name) => graph.parameter(`${name}_l${layer}`));
  const NO_LENGTHS = '';
  return graph.add(operator, [input, ...constants, NO_LENGTHS, ...states], [`sequence_l${layer}`, ...next], {
    hidden_size: H,
    ...(module.reset && { linear_before_reset: module.reset === 'after' ? 1 : 0 }),
  });
}
