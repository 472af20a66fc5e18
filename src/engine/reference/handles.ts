/** The reference engine's tensors, vectors and tapes: plain arrays in row-major order. */
import { carriesC, gateCount, hasCandidate } from '../cells.ts';
import { checkTape } from '../checks.ts';
import type {
  ElementType,
  FloatArray,
  NumberArray,
  Precision,
  Quantization,
  Tape,
  Tensor,
  Vector,
} from '../engine.ts';
import { checkQuantizable, dequantized, hasRowScales, isQuantized, quantizeRows } from '../int8.ts';
import { type Layout, type ParameterSlice, parameterSlices, type RecurrentModule } from '../layout.ts';
import { floats } from '../precision.ts';
import { type Levels, WeightMatrix } from './weight-matrix.ts';

export type AnyArray = FloatArray | Int32Array | Uint8Array;

export class ReferenceTensor implements Tensor {
  readonly kind = 'tensor';
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly #size: number;
  /** The tensor in whose memory this one is. */
  readonly memory: ReferenceTensor | undefined;
  /** Undefined once released, and for a tensor in the memory of another. */
  #own: AnyArray | undefined;

  constructor(
    precision: Precision,
    type: ElementType,
    shape: readonly number[],
    memory?: ReferenceTensor | undefined,
  ) {
    const size = shape.reduce((product, length) => product * length, 1);
    this.type = type;
    this.shape = shape;
    this.#size = size;
    this.memory = memory;
    if (memory) return;
    if (type === 'float') this.#own = floats(precision, size);
    else this.#own = type === 'int' ? new Int32Array(size) : new Uint8Array(size);
  }

  /** Its elements; undefined once released. */
  get data(): AnyArray | undefined {
    return this.memory ? this.memory.data?.subarray(0, this.#size) : this.#own;
  }

  release(): void {
    if (this.memory) throw new TypeError('a tensor in the memory of another is released with it');
    this.#own = undefined;
  }

  get bytes(): number {
    return this.#own?.byteLength ?? 0;
  }
}

export class ReferenceVector implements Vector {
  readonly kind = 'vector';
  readonly layout: Layout;
  readonly size: number;
  readonly quantization: Quantization | undefined;
  readonly slices: readonly ParameterSlice[];
  /** If it is quantized, level · scale. */
  data: FloatArray | undefined;
  /** The levels of each matrix; none if it is not quantized. */
  readonly #levels = new Map<ParameterSlice, Levels>();

  constructor(precision: Precision, layout: Layout, quantization?: Quantization) {
    this.layout = layout;
    this.quantization = quantization;
    this.slices = parameterSlices(layout);
    this.size = this.slices.reduce((sum, slice) => sum + slice.size, 0);
    this.data = floats(precision, this.size);
  }

  get bytes(): number {
    return this.data?.byteLength ?? 0;
  }

  /** Writes all parameters of a quantized vector. */
  quantize(values: NumberArray) {
    checkQuantizable(values);
    const given = Float32Array.from(values);
    for (const slice of this.slices.filter(isQuantized)) {
      const [rows = 0, columns = 0] = slice.shape;
      const own = given.subarray(slice.offset, slice.offset + slice.size);
      const { levels, scales } = quantizeRows(own, rows, columns);
      own.set(dequantized({ levels, scales }));
      this.#levels.set(slice, { levels: Float32Array.from(levels), scales });
    }
    this.data?.set(given);
  }

  #slice(module: number, name: ParameterSlice['name']): ParameterSlice {
    const slice = this.slices.find((candidate) => candidate.module === module && candidate.name === name);
    if (!slice) throw new TypeError(`module ${module} has no tensor ${name}`);
    return slice;
  }

  /** The offset of a module's tensor in the vector. */
  offsetOf(module: number, name: ParameterSlice['name']): number {
    return this.#slice(module, name).offset;
  }

  /** A module's matrix. */
  matrix(module: number, name: ParameterSlice['name']): WeightMatrix {
    const slice = this.#slice(module, name);
    if (!this.data) throw new TypeError('this handle was released');
    const data = this.data.subarray(slice.offset, slice.offset + slice.size);
    const columns = slice.shape[1] as number;
    const ownScales = name === 'weight_ih' && hasRowScales(this.layout, module);
    return new WeightMatrix(data, columns, this.#levels.get(slice), ownScales);
  }
}

/**
 * What the forward pass of a recurrent layer computes and the backward pass needs.
 *
 * All arrays are [T, B, …] in row-major order.
 */
export interface Trace {
  /** The gates after their non-linearities, [T, B, G·H]. The backward pass overwrites them with gradients. */
  readonly gates: FloatArray;
  /** h before each step, after resets, [T, B, H]. */
  readonly previous: FloatArray;
  /** For a cell with c: c before each step and c after it, each [T, B, H]; else empty. */
  readonly previousCells: FloatArray;
  readonly cells: FloatArray;
  /** For the gru, the recurrent part of the candidate: r·h' (reset before) or U h' + b (reset after), [T, B, H]; else empty. */
  readonly candidate: FloatArray;
  /** The dense input after dropout, [T, B, D]. */
  readonly input: FloatArray;
}

/** A trace for T steps of B rows. */
export function makeTrace(precision: Precision, module: RecurrentModule, steps: number, rows: number): Trace {
  const positions = steps * rows;
  const hidden = positions * module.hiddenSize;
  const c = carriesC(module.cell) ? hidden : 0;
  return {
    gates: floats(precision, gateCount(module.cell) * hidden),
    previous: floats(precision, hidden),
    previousCells: floats(precision, c),
    cells: floats(precision, c),
    candidate: floats(precision, hasCandidate(module.cell) ? hidden : 0),
    input: floats(precision, module.input === 'dense' ? positions * module.inputSize : 0),
  };
}

export class ReferenceTape implements Tape {
  readonly kind = 'tape';
  readonly module: number;
  readonly steps: number;
  readonly rows: number;
  trace: Trace | undefined;

  constructor(precision: Precision, layout: Layout, module: number, steps: number, rows: number) {
    const shape = layout[module];
    if (shape?.kind !== 'recurrent') throw new TypeError(`module ${module} of the layout is not recurrent`);
    this.module = module;
    this.steps = steps;
    this.rows = rows;
    this.trace = makeTrace(precision, shape, steps, rows);
  }

  get bytes(): number {
    return Object.values(this.trace ?? {}).reduce((sum, array) => sum + array.byteLength, 0);
  }
}

/** The elements of a float tensor. Throws for another type, and after release. */
export function floatsOf(tensor: Tensor): FloatArray {
  const data = arrayOf(tensor);
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  throw new TypeError(`got a tensor of ${tensor.type}, expected float`);
}

/** The elements of an int tensor. */
export function intsOf(tensor: Tensor): Int32Array {
  const data = arrayOf(tensor);
  if (data instanceof Int32Array) return data;
  throw new TypeError(`got a tensor of ${tensor.type}, expected int`);
}

/** The elements of a byte tensor. */
export function bytesOf(tensor: Tensor): Uint8Array {
  const data = arrayOf(tensor);
  if (data instanceof Uint8Array) return data;
  throw new TypeError(`got a tensor of ${tensor.type}, expected byte`);
}

/** The elements of a tensor or vector made by this engine. */
export function arrayOf(handle: Tensor | Vector): AnyArray {
  if (!(handle instanceof ReferenceTensor || handle instanceof ReferenceVector)) {
    throw new TypeError('this handle was made by another engine');
  }
  if (!handle.data) throw new TypeError('this handle was released');
  return handle.data;
}

/** The tensor as this engine made it. */
export function tensorOf(tensor: Tensor): ReferenceTensor {
  arrayOf(tensor);
  return tensor as ReferenceTensor;
}

/** The vector as this engine made it, whose floats a call needs. Throws if it is quantized. */
export function floatVectorOf(vector: Vector): ReferenceVector & { data: FloatArray } {
  if (vector.quantization)
    throw new TypeError(`got a vector in ${vector.quantization}, expected one of floats`);
  return vectorOf(vector);
}

/** The vector as this engine made it. */
export function vectorOf(vector: Vector): ReferenceVector & { data: FloatArray } {
  arrayOf(vector);
  return vector as ReferenceVector & { data: FloatArray };
}

/** The trace of a tape. Throws unless it fits the call. */
export function traceOf(tape: Tape, module: number, steps: number, rows: number): Trace {
  if (!(tape instanceof ReferenceTape)) throw new TypeError('this tape was made by another engine');
  if (!tape.trace) throw new TypeError('this tape was released');
  checkTape(tape, module, { steps, rows });
  return tape.trace;
}
