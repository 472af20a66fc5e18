/**
 * The field numbers of the ONNX messages in our models. Source: onnx.proto3 of github.com/onnx/onnx,
 * IR version 8.
 */
import { MessageWriter } from '../protobuf.ts';

/** Field numbers of each message. */
export const MODEL = {
  irVersion: 1,
  producerName: 2,
  producerVersion: 3,
  graph: 7,
  operatorSets: 8,
  metadata: 14,
} as const;
export const GRAPH = { nodes: 1, name: 2, initializers: 5, inputs: 11, outputs: 12 } as const;
export const TENSOR = { dimensions: 1, type: 2, name: 8, raw: 9 } as const;
export const ENTRY = { key: 1, value: 2 } as const;
const NODE = { inputs: 1, outputs: 2, name: 3, operator: 4, attributes: 5 } as const;
const ATTRIBUTE = { name: 1, integer: 3, type: 20 } as const;
const VALUE_INFO = { name: 1, type: 2 } as const;

/** TensorProto.DataType. */
export const TYPES = { float32: 1, float64: 11, int64: 7, float16: 10, bfloat16: 16 } as const;
type TensorType = keyof typeof TYPES;

const INTEGER_ATTRIBUTE = 2;

/** A node: an operator of the standard set, the names of its inputs (empty for an omitted one) and outputs, and integer attributes. */
export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, number>> = {},
): MessageWriter {
  const message = new MessageWriter();
  for (const name of inputs) message.text(NODE.inputs, name);
  for (const name of outputs) message.text(NODE.outputs, name);
  message.text(NODE.name, `make_${outputs[0]}`).text(NODE.operator, operator);
  return message.messages(
    NODE.attributes,
    Object.entries(attributes).map(([name, value]) =>
      new MessageWriter()
        .text(ATTRIBUTE.name, name)
        .varint(ATTRIBUTE.integer, value)
        .varint(ATTRIBUTE.type, INTEGER_ATTRIBUTE),
    ),
  );
}

/** A constant of a graph: little endian, row-major. Half-precision numbers are given as their bits. */
export function initializer(
  name: string,
  type: TensorType,
  shape: readonly number[],
  values: Float32Array | Float64Array | BigInt64Array | Uint16Array,
): MessageWriter {
  const message = new MessageWriter();
  for (const length of shape) message.varint(TENSOR.dimensions, length);
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return message.varint(TENSOR.type, TYPES[type]).text(TENSOR.name, name).bytes(TENSOR.raw, raw);
}

/** An input or output of a graph. A length can be a name, which stands for the same, arbitrary length everywhere. */
export function valueInfo(
  name: string,
  type: TensorType,
  shape: readonly (number | string)[],
): MessageWriter {
  const dimensions = new MessageWriter();
  for (const length of shape) {
    const dimension = new MessageWriter();
    if (typeof length === 'number') dimension.varint(1, length);
    else dimension.text(2, length);
    dimensions.message(1, dimension);
  }
  // TypeProto.Tensor: element type and shape.
  const tensor = new MessageWriter().varint(1, TYPES[type]).message(2, dimensions);
  const ofTensor = new MessageWriter().message(1, tensor);
  return new MessageWriter().text(VALUE_INFO.name, name).message(VALUE_INFO.type, ofTensor);
}
