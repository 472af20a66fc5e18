/** The CPU engine's tensors, vectors and tapes: buffers of a backend with their shapes. */
import type { ElementType, Quantization, Tape, Tensor, Vector } from '../engine.ts';
import { type Layout, parameterCount } from '../layout.ts';
import type { BufferId } from './calls.ts';
import { int8Vector } from './int8-packing.ts';
import { type PackedVector, packedVector, panelFloats } from './packing.ts';

/** Bounds of the values in an int tensor. After writes to a part of the tensor, they may be wider than necessary. */
export interface TokenRange {
  readonly low: number;
  readonly high: number;
}

/** The memory of a tensor and of all that were made in it. */
interface TensorMemory {
  buffer: BufferId | undefined;
  /** The bounds of all values in it, if they are integers. */
  range: TokenRange;
  /** Whether it holds several tensors. Then the padding of a panel may hold elements of another tensor. */
  isShared: boolean;
}

export class CpuTensor implements Tensor {
  readonly kind = 'tensor';
  readonly owner: object;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly length: number;
  /** Rows and columns of a three-dimensional float tensor, which is stored in panels. Undefined for row-major order. */
  readonly matrix: { readonly rows: number; readonly columns: number } | undefined;
  /** Whether it was made in the memory of another tensor. */
  readonly isPart: boolean;
  readonly memory: TensorMemory;

  /** @param memory An existing memory, or a function that allocates it. */
  constructor(
    owner: object,
    type: ElementType,
    shape: readonly number[],
    memory: TensorMemory | ((bytes: number) => BufferId),
  ) {
    this.owner = owner;
    this.type = type;
    this.shape = [...shape];
    this.length = shape.reduce((product, length) => product * length, 1);
    if (type === 'float' && shape.length === 3) {
      const [first, second, columns] = shape as [number, number, number];
      this.matrix = { rows: first * second, columns };
    }
    this.isPart = typeof memory !== 'function';
    if (typeof memory === 'function') {
      const buffer = memory(type === 'byte' ? Math.ceil(this.elements / 4) * 4 : this.elements * 4);
      this.memory = { buffer, range: { low: 0, high: 0 }, isShared: false };
    } else {
      this.memory = memory;
      memory.isShared = true;
    }
  }

  get buffer(): BufferId | undefined {
    return this.memory.buffer;
  }

  /** Number of elements in the buffer, including padding. */
  get elements(): number {
    return this.matrix ? panelFloats(this.matrix.rows, this.matrix.columns) : this.length;
  }
}

export class CpuVector implements Vector {
  readonly kind = 'vector';
  readonly owner: object;
  readonly layout: Layout;
  readonly size: number;
  readonly quantization: Quantization | undefined;
  readonly packed: PackedVector;
  buffer: BufferId | undefined;

  constructor(
    owner: object,
    layout: Layout,
    quantization: Quantization | undefined,
    allocate: (bytes: number) => BufferId,
  ) {
    this.owner = owner;
    this.layout = layout;
    this.size = parameterCount(layout);
    this.quantization = quantization;
    this.packed = quantization ? int8Vector(layout) : packedVector(layout);
    this.buffer = allocate(this.packed.size * 4);
  }
}

export class CpuTape implements Tape {
  readonly kind = 'tape';
  readonly owner: object;
  readonly module: number;
  readonly steps: number;
  readonly rows: number;
  buffer: BufferId | undefined;

  constructor(owner: object, module: number, steps: number, rows: number, buffer: BufferId) {
    this.owner = owner;
    this.module = module;
    this.steps = steps;
    this.rows = rows;
    this.buffer = buffer;
  }
}

export type CpuHandle = CpuTensor | CpuVector | CpuTape;
