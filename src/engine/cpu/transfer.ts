/** Writes, reads, fills and copies tensors and vectors. Converts between the canonical order and the kernels' panels. */
import { checkCopy, checkQuantizedWrite, checkRange } from '../checks.ts';
import type { NumberArray, ReadRange, Tensor, Vector } from '../engine.ts';
import type { BackendArray } from './backend.ts';
import type { CpuContext } from './context.ts';
import { CpuTensor, type CpuVector, type TokenRange } from './handles.ts';
import { packInt8, unpackInt8 } from './int8-packing.ts';
import type { PackedSlice } from './packing.ts';

/** Elements that are moved at once: the buffer between the two orders is no larger. */
const STAGED = 1 << 20;

export function writeHandle(
  context: CpuContext,
  target: Tensor | Vector,
  values: NumberArray,
  offset: number,
) {
  const handle = own(context, target);
  const length = handle.kind === 'tensor' ? handle.length : handle.size;
  if (offset < 0 || offset + values.length > length) {
    throw new RangeError(
      `got ${values.length} elements to write from ${offset} on, expected them within ${length}`,
    );
  }
  if (values.length === 0) return;
  if (handle.kind === 'vector' && handle.quantization) {
    writeQuantized(context, handle, values);
    return;
  }
  const array = arrayFor(handle, values);
  const buffer = context.buffer(target);
  const isWhole = values.length === length;
  if (array instanceof Int32Array && handle instanceof CpuTensor) noteRange(handle, array, isWhole);
  if (handle instanceof CpuTensor && !handle.matrix) {
    context.backend.write(buffer, offset * array.BYTES_PER_ELEMENT, array);
    return;
  }
  // The padding must be zero, but other tensors in the same memory may have used it.
  if (isWhole && handle instanceof CpuTensor && handle.memory.isShared) fillHandle(context, target, 0);
  for (let at = 0; at < array.length; at += STAGED) {
    const part = array.subarray(at, at + STAGED);
    const staging = context.workingBuffer('staging', part.byteLength);
    context.backend.write(staging, 0, part);
    move(context, 'pack', handle, staging, offset + at, part.length);
  }
}

export async function readHandle(
  context: CpuContext,
  source: Tensor | Vector,
  range: ReadRange | undefined,
): Promise<Float32Array | Int32Array | Uint8Array> {
  const handle = own(context, source);
  const { offset, count } = checkRange(range, handle.kind === 'tensor' ? handle.length : handle.size);
  // An empty array has no address for C++ to copy to.
  if (count === 0) return handle.kind === 'tensor' ? emptyArray(handle, 0) : new Float32Array(0);
  if (handle.kind === 'vector' && handle.quantization) return readQuantized(context, handle, offset, count);
  if (handle instanceof CpuTensor && !handle.matrix) {
    const into = emptyArray(handle, count);
    return context.read(context.buffer(source), offset * into.BYTES_PER_ELEMENT, into);
  }
  const into = new Float32Array(count);
  const reads: (Float32Array | Promise<Float32Array>)[] = [];
  for (let at = 0; at < count; at += STAGED) {
    const part = into.subarray(at, at + STAGED);
    const staging = context.workingBuffer('staging', part.byteLength);
    move(context, 'unpack', handle, staging, offset + at, part.length);
    reads.push(context.read(staging, 0, part));
  }
  await Promise.all(reads);
  return into;
}

function writeQuantized(context: CpuContext, vector: CpuVector, values: NumberArray) {
  const { layout, buffer } = context.weights(vector);
  checkQuantizedWrite(vector, values);
  context.backend.write(buffer, 0, packInt8(layout, values));
}

async function readQuantized(
  context: CpuContext,
  vector: CpuVector,
  offset: number,
  count: number,
): Promise<Float32Array> {
  const { layout, packed, buffer } = context.weights(vector);
  const bytes = await context.read(buffer, 0, new Uint8Array(packed.size * 4));
  return unpackInt8(layout, bytes).slice(offset, offset + count);
}

export function fillHandle(context: CpuContext, target: Tensor | Vector, value: number) {
  const handle = own(context, target);
  if (handle.kind === 'vector') {
    // The padding must stay zero, so the values are written like any others.
    writeHandle(context, target, new Float32Array(handle.size).fill(value), 0);
  } else if (handle.type === 'float') {
    const columns = handle.matrix?.columns ?? 0;
    context.submit('fill', [handle.elements, value, columns], [context.buffer(target)], handle.elements);
  } else {
    writeHandle(context, target, emptyArray(handle, handle.length).fill(value), 0);
  }
}

/** @param report The report of an `update`: copy only if that was not applied. Default: always copy. */
export function copyHandle(context: CpuContext, from: Tensor | Vector, to: Tensor | Vector, report?: Tensor) {
  checkCopy(from, to);
  const source = own(context, from);
  const target = own(context, to);
  if (source instanceof CpuTensor && target instanceof CpuTensor) {
    const [added, memory] = [source.memory.range, target.memory];
    memory.range = report || memory.isShared ? union(added, memory.range) : added;
  }
  const bytes = source.kind === 'vector' ? source.packed.size * 4 : bytesOf(source);
  // Buffers are copied as floats. The size of a buffer of bytes is rounded up to whole floats.
  context.submit('copy', [Math.ceil(bytes / 4)], context.buffers(from, to, report), bytes / 4);
}

function own(context: CpuContext, handle: Tensor | Vector): CpuTensor | CpuVector {
  return handle.kind === 'vector' ? context.weights(handle) : context.tensor(handle);
}

function union(a: TokenRange, b: TokenRange): TokenRange {
  return { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) };
}

function bytesOf(tensor: CpuTensor): number {
  return tensor.elements * (tensor.type === 'byte' ? 1 : 4);
}

function emptyArray({ type }: CpuTensor, length: number): Float32Array | Int32Array | Uint8Array {
  if (type === 'int') return new Int32Array(length);
  return type === 'byte' ? new Uint8Array(length) : new Float32Array(length);
}

function arrayFor(handle: CpuTensor | CpuVector, values: NumberArray): BackendArray {
  const type = handle.kind === 'tensor' ? handle.type : 'float';
  if (type === 'int') return values instanceof Int32Array ? values : Int32Array.from(values);
  if (type === 'byte') return values instanceof Uint8Array ? values : Uint8Array.from(values);
  return values instanceof Float32Array ? values : Float32Array.from(values);
}

/** Updates the bounds of an int tensor's values. */
function noteRange({ memory }: CpuTensor, values: Int32Array, isWhole: boolean) {
  const isNew = isWhole && !memory.isShared;
  let low = isNew ? Number.POSITIVE_INFINITY : memory.range.low;
  let high = isNew ? Number.NEGATIVE_INFINITY : memory.range.high;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  memory.range = { low, high };
}

/** Moves elements, from `offset` on, between a staging buffer and panels. */
function move(
  context: CpuContext,
  direction: 'pack' | 'unpack',
  handle: CpuTensor | CpuVector,
  staging: number,
  offset: number,
  count: number,
) {
  const buffers = [context.buffer(handle), staging];
  if (handle instanceof CpuTensor) {
    const { rows, columns } = handle.matrix ?? { rows: 1, columns: handle.length };
    context.submit(`${direction}Rows`, [rows, columns, offset, count], buffers, count);
    return;
  }
  for (const packed of handle.packed.slices) {
    const { offset: first, size } = packed.slice;
    const overlaps = first < offset + count && first + size > offset;
    if (overlaps)
      context.submit(
        `${direction}Weights`,
        [...canonical(handle, packed), first, offset, count],
        buffers,
        size,
      );
  }
}

/** The numbers by which the kernels loop over a canonical tensor [gates·N, K]. */
function canonical(handle: CpuVector, { slice, gates, units, inputs, rows, offset }: PackedSlice): number[] {
  const isLookUp = handle.layout[slice.module]?.kind === 'embedding';
  return [gates, units, inputs, offset, rows, isLookUp ? 1 : 0];
}
