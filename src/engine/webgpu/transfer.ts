/** Writes, reads, fills and copies tensors and vectors. */
import { checkCopy, checkCopySlots, checkRange, checkTensor } from '../checks.ts';
import {
  type FloatArray,
  type NumberArray,
  type ReadRange,
  type Tensor,
  UPDATE_REPORT,
  UPDATE_REPORT_LENGTH,
  type Vector,
} from '../engine.ts';
import { forEach } from './dispatch.ts';
import { bufferOf, GpuTensor, type GpuVector, type IntRange } from './handles.ts';
import { floatBits } from './kernel.ts';
import type { Recorder } from './recorder.ts';
import { COPY, COPY_UNLESS_APPLIED, copySlots as copySlotsShader, FILL } from './shaders/elements.ts';

export function writeHandle(
  recorder: Recorder,
  target: Tensor | Vector,
  values: NumberArray,
  offset: number,
): void {
  const buffer = bufferOf(recorder, target);
  const length = lengthOf(target);
  if (offset < 0 || offset + values.length > length) {
    throw new RangeError(
      `got ${values.length} elements to write from ${offset} on, expected them within ${length}`,
    );
  }
  if (values.length === 0) return;
  const array = arrayFor(target, values);
  if (target instanceof GpuTensor && array instanceof Int32Array)
    noteRange(target, array, values.length === length);
  recorder.write(buffer, offset * 4, array);
}

export async function readHandle(
  recorder: Recorder,
  source: Tensor | Vector,
  range: ReadRange | undefined,
): Promise<FloatArray | Int32Array | Uint8Array> {
  const buffer = bufferOf(recorder, source);
  const { offset, count } = checkRange(range, lengthOf(source));
  const bytes = await recorder.read(buffer, offset * 4, count * 4);
  const type = source.kind === 'tensor' ? source.type : 'float';
  if (type === 'float') return new Float32Array(bytes);
  return type === 'int' ? new Int32Array(bytes) : Uint8Array.from(new Uint32Array(bytes));
}

export function fillHandle(recorder: Recorder, target: Tensor | Vector, value: number): void {
  const buffer = bufferOf(recorder, target);
  const length = lengthOf(target);
  const type = target.kind === 'tensor' ? target.type : 'float';
  if (target instanceof GpuTensor && type === 'int') noteRange(target, Int32Array.of(value), true);
  if (value === 0 && !Object.is(value, -0)) {
    recorder.clear(buffer, 0, length * 4);
    return;
  }
  const bits = type === 'float' ? floatBits(value) : type === 'byte' ? value & 0xff : value;
  forEach(recorder, 'fill', () => FILL, [buffer], length, [bits]);
}

export function copyHandle(recorder: Recorder, from: Tensor | Vector, to: Tensor | Vector): void {
  checkCopy(from, to);
  const [source, target] = [bufferOf(recorder, from), bufferOf(recorder, to)];
  copyRange(from, to, true);
  if (source !== target) forEach(recorder, 'copy', () => COPY, [source, target], lengthOf(from));
}

export function copyUnlessApplied(recorder: Recorder, report: Tensor, from: Tensor, to: Tensor): void {
  checkTensor('report', report, 'float', [UPDATE_REPORT_LENGTH]);
  checkCopy(from, to);
  const buffers = [report, from, to].map((tensor) => bufferOf(recorder, tensor));
  copyRange(from, to, false);
  if (buffers[1] === buffers[2]) return;
  forEach(recorder, 'copy unless applied', () => COPY_UNLESS_APPLIED, buffers, lengthOf(from), [
    UPDATE_REPORT.applied,
  ]);
}

/** All slots are read before any is written. */
export function copySlots(
  recorder: Recorder,
  from: Tensor,
  fromSlots: Int32Array,
  to: Tensor,
  toSlots: Int32Array,
): void {
  const { parts, H } = checkCopySlots(from, fromSlots, to, toSlots);
  const N = fromSlots.length;
  if (N === 0) return;
  const rows = recorder.scratch('slots', parts * N * H * 4);
  const places = recorder.scratch('places of slots', N * 4);
  recorder.write(places, 0, fromSlots);
  moveSlots(recorder, 'gather', places, from, rows, N);
  recorder.write(places, 0, toSlots);
  moveSlots(recorder, 'scatter', places, to, rows, N);
}

/**
 * Copies slots of a state [S, slots, H] to rows [S, N, H], or back.
 *
 * @param slots int [N].
 */
export function moveSlots(
  recorder: Recorder,
  direction: 'gather' | 'scatter',
  slots: GPUBuffer,
  state: Tensor,
  rows: GPUBuffer,
  N: number,
): void {
  const [parts, count, H] = state.shape as [number, number, number];
  const buffer = bufferOf(recorder, state);
  forEach(
    recorder,
    direction,
    () => copySlotsShader(direction),
    direction === 'gather' ? [slots, buffer, rows] : [slots, rows, buffer],
    parts * N * H,
    [N, H, count],
  );
}

function lengthOf(handle: Tensor | Vector): number {
  return handle.kind === 'tensor' ? (handle as GpuTensor).length : (handle as GpuVector).size;
}

/** The values as 32-bit elements. Bytes and ints are rounded as their typed arrays round. */
function arrayFor(target: Tensor | Vector, values: NumberArray): Float32Array | Int32Array | Uint32Array {
  const type = target.kind === 'tensor' ? target.type : 'float';
  if (type === 'int') return values instanceof Int32Array ? values : Int32Array.from(values);
  if (type === 'byte')
    return Uint32Array.from(values instanceof Uint8Array ? values : Uint8Array.from(values));
  return values instanceof Float32Array ? values : Float32Array.from(values);
}

/** Updates the bounds of an int tensor's values. */
function noteRange({ memory }: GpuTensor, values: Int32Array, isWhole: boolean): void {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  memory.range = isWhole && !memory.isShared ? { low, high } : union(memory.range, { low, high });
}

function copyRange(from: Tensor | Vector, to: Tensor | Vector, isSure: boolean): void {
  if (!(from instanceof GpuTensor) || !(to instanceof GpuTensor)) return;
  const { range } = from.memory;
  to.memory.range = isSure && !to.memory.isShared ? range : union(range, to.memory.range);
}

function union(a: IntRange, b: IntRange): IntRange {
  return { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) };
}
