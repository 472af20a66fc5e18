/** Reads a model from an ONNX file written by `encodeOnnx`. Its metadata and constants suffice; the nodes of the graph are ignored. */

import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { configOf, modelFrom } from '../../checkpoint/codec.ts';
import { malformed } from '../../checkpoint/errors.ts';
import { decodeMetadata, METADATA_KEY } from '../../checkpoint/metadata.ts';
import {
  BFLOAT16,
  FLOAT16,
  FLOAT32,
  FLOAT64,
  numbersIn,
  type StoredType,
  storedWeights,
} from '../../checkpoint/safetensors/number-types.ts';
import { fromGateOrder } from '../../checkpoint/tensors/gates.ts';
import { inType } from '../../checkpoint/tensors/tensors.ts';
import { noLosses } from '../../checkpoint/tensors/training-tensors.ts';
import type { FloatArray, Precision } from '../../engine/engine.ts';
import { type Layout, type ParameterSlice, parameterCount, parameterSlices } from '../../engine/layout.ts';
import { floatArrayType } from '../../engine/precision.ts';
import { CheckpointError } from '../../errors.ts';
import { layoutOf, MAX_LAYERS } from '../../model/config.ts';
import { withinJsonLimits } from '../../util/json-limits.ts';
import { bytesOf, fieldsOf, textOf, varintsOf } from '../protobuf.ts';
import { constantOf, VOCABULARY_KEY } from './encode.ts';
import { ENTRY, GRAPH, MODEL, TENSOR, TYPES } from './schema.ts';

/** A layer has three constants; the rest of the model has a few more. */
const MAX_CONSTANTS = 4 * MAX_LAYERS;
const MAX_ENTRIES = 1000;
const MAX_DIMENSIONS = 8;

/** Whether a file begins like an ONNX model: with its version and another field of a model. There is no magic number. */
export function isOnnx(start: Uint8Array): boolean {
  const [tag, version = 0, next = 0] = start;
  return tag === MODEL.irVersion * 8 && version > 0 && version < 32 && MODEL_TAGS.has(next);
}

/** The tags of the fields that may follow the version. */
const MODEL_TAGS = new Set([0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72]);

/** @throws {CheckpointError} unless the file is a complete model written by `encodeOnnx` */
export function decodeOnnx(bytes: Uint8Array, file: string): Checkpoint {
  const metadata = metadataOf(bytes, file);
  if (!metadata.has(METADATA_KEY)) {
    const producer = textOf(bytes, MODEL.producerName, file).slice(0, 40);
    throw new CheckpointError(
      'checkpoint-other-kind',
      `${file} is an ONNX model from another program${producer && ` (${JSON.stringify(producer)})`}; ` +
        'expected one that this program converted from a checkpoint.',
    );
  }
  const facts = decodeMetadata(metadata, file);
  const config = configOf(facts);
  const constants = constantsOf(bytes, file);
  // Checked before a layout is computed: every layer has constants in the file.
  if (config.layers > constants.size)
    throw malformed(file, `it has too few constants for ${config.layers} layers`);
  const layout = layoutOf(config);
  const types = typesOfWeights(layout, constants);
  const { precision, weightTypes, notice } = storedWeights(types, facts.precision, facts.storedAs);
  const parameters = readParameters(layout, constants, precision, file);
  return {
    ...(weightTypes && { weightTypes }),
    ...(notice !== undefined && { notices: [notice] }),
    ...modelFrom(
      { ...facts, precision },
      symbolsOf(metadata.get(VOCABULARY_KEY) ?? '', file),
      parameters,
      file,
    ),
    // The file does not contain the losses.
    ...(facts.origin && {
      origin: { ...facts.origin, trainLosses: noLosses(), validationLosses: noLosses() },
    }),
  };
}

function metadataOf(model: Uint8Array, file: string): Map<string, string> {
  const where = `${file}: metadata`;
  return new Map(
    bytesOf(model, MODEL.metadata, MAX_ENTRIES, file).map((entry) => [
      textOf(entry, ENTRY.key, where),
      textOf(entry, ENTRY.value, where),
    ]),
  );
}

/** A constant of the graph as stored in the file, unchecked. */
interface Constant {
  readonly type: number;
  readonly shape: readonly number[];
  readonly raw: Uint8Array;
}

function constantsOf(model: Uint8Array, file: string): Map<string, Constant> {
  const constants = new Map<string, Constant>();
  for (const graph of bytesOf(model, MODEL.graph, 1, file)) {
    for (const tensor of bytesOf(graph, GRAPH.initializers, MAX_CONSTANTS, `${file}: graph`)) {
      const where = `${file}: a constant`;
      const shape: number[] = [];
      let type = 0;
      let raw: Uint8Array = new Uint8Array();
      for (const { number, value, bytes } of fieldsOf(tensor, where)) {
        if (number === TENSOR.dimensions) {
          // Other programs write the shape as one packed field.
          shape.push(...(bytes ? varintsOf(bytes, MAX_DIMENSIONS, where) : [value ?? Number.NaN]));
          if (shape.length > MAX_DIMENSIONS) throw malformed(where, 'it has no valid shape');
        } else if (number === TENSOR.type) type = value ?? 0;
        else if (number === TENSOR.raw && bytes) raw = bytes;
      }
      constants.set(textOf(tensor, TENSOR.name, where), { type, shape, raw });
    }
  }
  return constants;
}

/** Floating-point types in which other tools may store constants, by their numbers in TensorProto.DataType. */
const FLOATS = new Map<number, StoredType>([
  [TYPES.float32, FLOAT32],
  [TYPES.float64, FLOAT64],
  [TYPES.float16, FLOAT16],
  [TYPES.bfloat16, BFLOAT16],
]);

function typesOfWeights(layout: Layout, constants: ReadonlyMap<string, Constant>): StoredType[] {
  return parameterSlices(layout).flatMap(
    (slice) => FLOATS.get(constants.get(constantOf(layout, slice).name)?.type ?? 0) ?? [],
  );
}

/** Numbers in the file, with their type. */
interface StoredNumbers {
  readonly raw: Uint8Array;
  readonly type: StoredType;
}

/** Reads all parameters, in canonical order. Allocates memory only after checking that the file has enough numbers. */
function readParameters(
  layout: Layout,
  constants: ReadonlyMap<string, Constant>,
  precision: Precision,
  file: string,
): FloatArray {
  const slices = parameterSlices(layout);
  const places = slices.map((slice) => storedNumbers(layout, slice, constants, file));
  const count = parameterCount(layout);
  const type = floatArrayType(precision);
  const flat = new type(count);
  slices.forEach((slice, index) => {
    const { raw, type: stored } = places[index] as StoredNumbers;
    // Copy the bytes for alignment.
    const values = inType(numbersIn(new Uint8Array(raw), stored) as FloatArray, type);
    const module = layout[slice.module];
    const target = flat.subarray(slice.offset, slice.offset + slice.size);
    if (module?.kind === 'recurrent') fromGateOrder('onnx', module.cell, values, target);
    else target.set(values);
  });
  return flat;
}

/** The numbers of a parameter tensor in the file. */
function storedNumbers(
  layout: Layout,
  slice: ParameterSlice,
  constants: ReadonlyMap<string, Constant>,
  file: string,
): StoredNumbers {
  const { name, shape, part } = constantOf(layout, slice);
  const constant = constants.get(name);
  if (!constant) throw malformed(file, `it has no constant ${name}`);
  const type = FLOATS.get(constant.type);
  const size = shape.reduce((product, length) => product * length, type?.bytesPerElement ?? 0);
  const fits =
    shape.length === constant.shape.length && shape.every((length, at) => length === constant.shape[at]);
  if (!type || !fits || constant.raw.length !== size) {
    throw malformed(file, `constant ${name} is not an array of floats [${shape.join(', ')}]`);
  }
  if (part === undefined) return { raw: constant.raw, type };
  return { raw: constant.raw.subarray((part * size) / 2, ((part + 1) * size) / 2), type };
}

function symbolsOf(json: string, file: string): string[] {
  if (!withinJsonLimits(new TextEncoder().encode(json), [json.length / 3]))
    throw malformed(file, 'its vocabulary is not a list');
  let symbols: unknown;
  try {
    symbols = JSON.parse(json);
  } catch {
    throw malformed(file, 'its vocabulary is not JSON');
  }
  const valid = Array.isArray(symbols) && symbols.every((symbol) => typeof symbol === 'string' && symbol);
  if (!valid) throw malformed(file, 'its vocabulary is not a list of symbols');
  return symbols as string[];
}
