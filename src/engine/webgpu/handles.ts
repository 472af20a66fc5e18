/**
 * The WebGPU engine's tensors, vectors and tapes. Tensors are row-major, vectors in canonical order; every element takes 32 bits, even a
 * byte.
 */
import { checkShapeIn, checkTape } from '../checks.ts';
import type { ElementType, Tape, Tensor, Vector } from '../engine.ts';
import { type Layout, parameterCount } from '../layout.ts';
import type { Recorder } from './recorder.ts';
import { mapTrace, type Trace, traceBytes } from './trace.ts';

/** A range that contains all values of an int tensor. Writes widen it. Only a write to a whole tensor whose memory is not shared narrows it. */
export interface IntRange {
  readonly low: number;
  readonly high: number;
}

/** The memory of a tensor, and of the tensors within it. */
export interface TensorMemory {
  /** Undefined once released. */
  buffer: GPUBuffer | undefined;
  range: IntRange;
  /** Whether other tensors are in it. */
  isShared: boolean;
}

export class GpuTensor implements Tensor {
  readonly kind = 'tensor';
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly length: number;
  readonly owner: Recorder;
  readonly memory: TensorMemory;
  /** Whether it is in the memory of another tensor. */
  readonly isPart: boolean;

  constructor(owner: Recorder, type: ElementType, shape: readonly number[], memory?: TensorMemory) {
    this.owner = owner;
    this.type = type;
    this.shape = [...shape];
    this.length = shape.reduce((product, length) => product * length, 1);
    this.isPart = memory !== undefined;
    this.memory = memory ?? {
      ...{ buffer: owner.allocate(this.length * 4), range: { low: 0, high: 0 }, isShared: false },
    };
    if (memory) memory.isShared = true;
  }

  get buffer(): GPUBuffer | undefined {
    return this.memory.buffer;
  }
}

export class GpuVector implements Vector {
  readonly kind = 'vector';
  readonly layout: Layout;
  readonly size: number;
  readonly owner: Recorder;
  buffer: GPUBuffer | undefined;

  constructor(owner: Recorder, layout: Layout) {
    this.owner = owner;
    this.layout = layout;
    this.size = parameterCount(layout);
    this.buffer = owner.allocate(this.size * 4);
  }
}

export class GpuTape implements Tape {
  readonly kind = 'tape';
  readonly module: number;
  readonly steps: number;
  readonly rows: number;
  readonly owner: Recorder;
  /** Undefined once released. */
  trace: Trace<GPUBuffer> | undefined;

  constructor(owner: Recorder, layout: Layout, module: number, steps: number, rows: number) {
    const shape = layout[module];
    if (shape?.kind !== 'recurrent') throw new TypeError(`module ${module} of the layout is not recurrent`);
    this.owner = owner;
    this.module = module;
    this.steps = steps;
    this.rows = rows;
    const bytes = traceBytes(shape, steps, rows, shape.input === 'dense');
    this.trace = mapTrace(bytes, (size) => owner.allocate(size));
  }

  /** Its buffers. */
  get buffers(): GPUBuffer[] {
    return Object.values(this.trace ?? {}).filter((buffer) => buffer !== undefined);
  }
}

type Handle = Tensor | Vector | Tape;
type GpuHandle = GpuTensor | GpuVector | GpuTape;

function own(recorder: Recorder, handle: Handle): GpuHandle {
  const isOurs = handle instanceof GpuTensor || handle instanceof GpuVector || handle instanceof GpuTape;
  if (!isOurs || handle.owner !== recorder) throw new TypeError('this handle was made by another engine');
  return handle;
}

const released = () => new TypeError('this handle was released');

/** The buffer of a tensor or vector. Throws if another engine made it, or if it was released. */
export function bufferOf(recorder: Recorder, handle: Tensor | Vector): GPUBuffer {
  const { buffer } = own(recorder, handle) as GpuTensor | GpuVector;
  if (!buffer) throw released();
  return buffer;
}

/** The same for one that may be missing. */
export function bufferIf(recorder: Recorder, handle: Tensor | undefined): GPUBuffer | undefined {
  return handle && bufferOf(recorder, handle);
}

/** A tensor as this engine made it. */
export function tensorOf(recorder: Recorder, handle: Tensor): GpuTensor {
  bufferOf(recorder, handle);
  return handle as GpuTensor;
}

/** The buffer of an int tensor of tokens. Throws unless all of them are in the vocabulary. */
export function tokensOf(recorder: Recorder, handle: Tensor, vocabularySize: number): GPUBuffer {
  const { low, high } = tensorOf(recorder, handle).memory.range;
  if (low < 0 || high >= vocabularySize)
    throw new RangeError(`token ${low < 0 ? low : high} is outside the vocabulary of ${vocabularySize}`);
  return bufferOf(recorder, handle);
}

/** The trace of a tape. Throws unless it fits the call. */
export function traceOf(
  recorder: Recorder,
  handle: Tape,
  { module, steps, rows }: { readonly module: number; readonly steps: number; readonly rows: number },
): Trace<GPUBuffer> {
  const tape = own(recorder, handle) as GpuTape;
  if (!tape.trace) throw new TypeError('this tape was released');
  checkTape(tape, module, { steps, rows });
  return tape.trace;
}

/** A tensor in the memory of another. */
export function partOf(recorder: Recorder, memory: Tensor, shape: readonly number[]): GpuTensor {
  checkShapeIn(memory, shape);
  const { type, memory: shared } = tensorOf(recorder, memory);
  return new GpuTensor(recorder, type, shape, shared);
}

export function release(recorder: Recorder, handle: Handle): void {
  const known = own(recorder, handle);
  if (known instanceof GpuTape) {
    for (const buffer of known.buffers) recorder.free(buffer);
    known.trace = undefined;
    return;
  }
  if (known instanceof GpuTensor && known.isPart)
    throw new TypeError('a tensor in the memory of another is released with it');
  const place = known instanceof GpuTensor ? known.memory : known;
  if (place.buffer) recorder.free(place.buffer);
  place.buffer = undefined;
}
