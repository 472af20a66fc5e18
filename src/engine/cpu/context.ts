/** What the operations of a CPU engine share: its backend, its working buffers, and the buffers of its handles. */
import { checkShapeIn } from '../checks.ts';
import type { Compute, ElementType, Quantization, Tape, Tensor, Vector } from '../engine.ts';
import type { Layout } from '../layout.ts';
import type { Backend, BackendArray } from './backend.ts';
import {
  type BufferId,
  COMMAND_LENGTH,
  ELEMENTS,
  encodeCommand,
  type Operation,
  type ProductElement,
} from './calls.ts';
import { type CpuHandle, CpuTape, CpuTensor, CpuVector } from './handles.ts';

/** Calls with fewer multiply-adds, about 50 µs of work, are not worth passing to other threads. */
const MIN_THREADED_WORK = 1_500_000;

/** What floats are rounded to for products. `checkCompute` has refused float16. */
const FLOAT_ELEMENTS: Readonly<Record<Compute, ProductElement>> = {
  float32: 'float32',
  bfloat16: 'bfloat16',
  'bfloat16-amx': 'bfloat16Blocks',
  float16: 'float32',
};

/** Working buffers, by their use. They grow as needed. */
type WorkingBuffer = 'scratch' | 'tape' | 'staging' | 'drawn' | `uploaded ${string}`;

export class CpuContext {
  readonly backend: Backend;
  readonly #command = new Float64Array(COMMAND_LENGTH);
  readonly #working = new Map<WorkingBuffer, { buffer: BufferId; bytes: number }>();
  /** Bytes of every buffer. */
  readonly #sizes = new Map<BufferId, number>();
  /** The numbers that `uploadCached` wrote last, by name. */
  readonly #cached = new Map<string, Float64Array>();
  /** Reads whose arrays are not filled yet. */
  readonly #reads = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  allocate(bytes: number): BufferId {
    this.#checkOpen();
    const buffer = this.backend.allocate(bytes);
    this.#sizes.set(buffer, bytes);
    return buffer;
  }

  makeTensor(type: ElementType, shape: readonly number[]): CpuTensor {
    return new CpuTensor(this, type, shape, (bytes) => this.allocate(bytes));
  }

  makeTensorIn(handle: Tensor, shape: readonly number[]): CpuTensor {
    checkShapeIn(handle, shape);
    const { type, memory } = this.tensor(handle);
    return new CpuTensor(this, type, shape, memory);
  }

  makeVector(layout: Layout, quantization?: Quantization): CpuVector {
    return new CpuVector(this, layout, quantization, (bytes) => this.allocate(bytes));
  }

  release(handle: Tensor | Vector | Tape): void {
    const own = this.#own(handle);
    if (own instanceof CpuTensor && own.isPart)
      throw new TypeError('a tensor in the memory of another is released with it');
    const place = own instanceof CpuTensor ? own.memory : own;
    if (place.buffer !== undefined) this.#free(place.buffer);
    place.buffer = undefined;
  }

  /** Scratch memory for one call. It is shared by all calls, and never shrinks. */
  scratch(bytes: number): BufferId {
    return this.workingBuffer('scratch', bytes);
  }

  /** A working buffer of at least this size. Its content is undefined after it has grown. */
  workingBuffer(name: WorkingBuffer, bytes: number): BufferId {
    const known = this.#working.get(name);
    if (known && known.bytes >= bytes) return known.buffer;
    // First, so that nothing refers to the freed buffer if the allocation fails.
    this.#working.delete(name);
    if (known) this.#free(known.buffer);
    const buffer = this.allocate(bytes);
    this.#working.set(name, { buffer, bytes });
    return buffer;
  }

  /** Like `upload`, but writes only if the numbers have changed. */
  uploadCached(name: string, values: Float64Array): BufferId {
    const known = this.#cached.get(name);
    const isSame = known?.length === values.length && known.every((value, index) => value === values[index]);
    if (isSame) return this.workingBuffer(`uploaded ${name}`, values.byteLength);
    this.#cached.delete(name);
    const buffer = this.upload(name, values);
    this.#cached.set(name, values);
    return buffer;
  }

  /** A buffer with these numbers. The next upload of the same name overwrites it. */
  upload(name: string, values: Int32Array | Float64Array): BufferId {
    const buffer = this.workingBuffer(`uploaded ${name}`, values.byteLength);
    this.backend.write(buffer, 0, values);
    return buffer;
  }

  /** The buffer of a handle. Throws if another engine made the handle, if it was released, or if it is a quantized vector. */
  buffer(handle: Tensor | Vector | Tape): BufferId {
    const own = this.#own(handle);
    if (own instanceof CpuVector && own.quantization)
      throw new TypeError(`got a vector in ${own.quantization}, expected one of floats`);
    return this.#bufferOf(own);
  }

  #bufferOf({ buffer }: CpuHandle): BufferId {
    if (buffer === undefined) throw new TypeError('this handle was released');
    return buffer;
  }

  /** The weights of an inference, which may be quantized: as this engine made them, and their buffer. */
  weights(handle: Vector): CpuVector & { readonly buffer: BufferId } {
    const own = this.#own(handle);
    this.#bufferOf(own);
    return own as CpuVector & { readonly buffer: BufferId };
  }

  /** The number of what the products of a call are computed in. */
  elementOf({
    weights,
    compute,
  }: {
    readonly weights: Vector;
    readonly compute?: Compute | undefined;
  }): number {
    const int8 = this.backend.plainInt8 ? 'int8Plain' : 'int8';
    const float = FLOAT_ELEMENTS[compute ?? 'float32'];
    return ELEMENTS.indexOf(weights.quantization ? int8 : float);
  }

  /** Whether the factors of a call's products are packed for it, which takes scratch memory. */
  packsFactors(call: Parameters<CpuContext['elementOf']>[0]): boolean {
    return this.elementOf(call) !== ELEMENTS.indexOf('float32');
  }

  /** The buffers of several handles, some of which may be undefined. */
  buffers(...handles: readonly (Tensor | Vector | Tape | undefined)[]): (BufferId | undefined)[] {
    return handles.map((handle) => handle && this.buffer(handle));
  }

  tensor(handle: Tensor): CpuTensor {
    this.buffer(handle);
    return handle as CpuTensor;
  }

  vector(handle: Vector): CpuVector {
    this.buffer(handle);
    return handle as CpuVector;
  }

  /** An int tensor of tokens. Throws unless all of them are in the vocabulary. */
  tokens(handle: Tensor, vocabularySize: number): CpuTensor & { buffer: BufferId } {
    const tensor = this.tensor(handle);
    const { low, high } = tensor.memory.range;
    if (low < 0 || high >= vocabularySize) {
      throw new RangeError(`token ${low < 0 ? low : high} is outside the vocabulary of ${vocabularySize}`);
    }
    return tensor as CpuTensor & { buffer: BufferId };
  }

  /** Enqueues a call. @param work Approximate number of multiply-adds. */
  submit(
    operation: Operation,
    numbers: readonly number[],
    buffers: readonly (BufferId | undefined)[],
    work: number,
  ): void {
    this.#checkOpen();
    encodeCommand(this.#command, operation, numbers, buffers);
    this.backend.submit(this.#command, work < MIN_THREADED_WORK);
  }

  /** Reads from a buffer, as `Backend.read` does. */
  read<T extends BackendArray>(buffer: BufferId, offset: number, into: T): T | Promise<T> {
    this.#checkOpen();
    const values = this.backend.read(buffer, offset, into);
    if (!(values instanceof Promise)) return values;
    const end = () => {
      this.#reads.delete(settled);
    };
    const settled: Promise<void> = values.then(end, end);
    this.#reads.add(settled);
    return values;
  }

  get bytesInUse(): number {
    let sum = this.backend.overhead;
    for (const bytes of this.#sizes.values()) sum += bytes;
    return sum;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new TypeError('this engine is closed');
  }

  #free(buffer: BufferId): void {
    // Closing frees all buffers.
    if (this.#isClosed) return;
    this.#sizes.delete(buffer);
    this.backend.release(buffer);
  }

  /** Waits for the reads that are under way, and closes the backend. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.all(this.#reads);
    await this.backend.close();
  }

  #own(handle: Tensor | Vector | Tape): CpuHandle {
    const isOurs = handle instanceof CpuTensor || handle instanceof CpuVector || handle instanceof CpuTape;
    if (!isOurs || handle.owner !== this) throw new TypeError('this handle was made by another engine');
    return handle;
  }
}
