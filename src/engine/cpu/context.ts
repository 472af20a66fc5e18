/** What the operations of a CPU engine share: its backend, its scratch memory, and the way from handles to buffers. */
import type { ElementType, Tape, Tensor, Vector } from '../engine.ts';
import type { Layout } from '../layout.ts';
import type { Backend } from './backend.ts';
import { type BufferId, fillMailbox, MAILBOX_LENGTH, type Operation } from './calls.ts';
import { type CpuHandle, CpuTape, CpuTensor, CpuVector } from './handles.ts';

/** Multiply-adds below which a call is not worth handing to other threads: some 50 µs. */
const SMALL = 1_500_000;

/** Buffers that grow as they are needed, by what they are for. */
type Room = 'scratch' | 'tape' | 'staging' | 'drawn' | `given ${string}`;

export class CpuContext {
  readonly backend: Backend;
  readonly #mailbox = new Float64Array(MAILBOX_LENGTH);
  readonly #rooms = new Map<Room, { buffer: BufferId; bytes: number }>();
  /** Bytes of every buffer. */
  readonly #sizes = new Map<BufferId, number>();
  readonly #constants = new Map<string, Float64Array>();
  #closed = false;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  allocate(bytes: number): BufferId {
    if (this.#closed) throw new TypeError('this engine is closed');
    const buffer = this.backend.allocate(bytes);
    this.#sizes.set(buffer, bytes);
    return buffer;
  }

  makeTensor(type: ElementType, shape: readonly number[]): CpuTensor {
    return new CpuTensor(this, type, shape, (bytes) => this.allocate(bytes));
  }

  makeVector(layout: Layout): CpuVector {
    return new CpuVector(this, layout, (bytes) => this.allocate(bytes));
  }

  release(handle: Tensor | Vector | Tape): void {
    const own = this.#own(handle);
    if (own.buffer !== undefined) this.#give(own.buffer);
    own.buffer = undefined;
  }

  /** Memory that a call may use as it likes; at least as much as was ever asked for. */
  scratch(bytes: number): BufferId {
    return this.room('scratch', bytes);
  }

  room(name: Room, bytes: number): BufferId {
    const known = this.#rooms.get(name);
    if (known && known.bytes >= bytes) return known.buffer;
    if (known) this.#give(known.buffer);
    const buffer = this.allocate(bytes);
    this.#rooms.set(name, { buffer, bytes });
    return buffer;
  }

  /** As `given`, for numbers that seldom change. */
  constant(name: string, values: Float64Array): BufferId {
    const known = this.#constants.get(name);
    const isSame = known?.length === values.length && known.every((value, index) => value === values[index]);
    if (isSame) return this.room(`given ${name}`, values.byteLength);
    this.#constants.set(name, values);
    return this.given(name, values);
  }

  /** A buffer with these numbers, until the next call with the name. */
  given(name: string, values: Int32Array | Float64Array): BufferId {
    const buffer = this.room(`given ${name}`, values.byteLength);
    this.backend.write(buffer, 0, values);
    return buffer;
  }

  /** The buffer of a handle that this engine made and that is not released. */
  buffer(handle: Tensor | Vector | Tape): BufferId {
    const { buffer } = this.#own(handle);
    if (buffer === undefined) throw new TypeError('this handle was released');
    return buffer;
  }

  /** As `buffer`, for several that may be absent. */
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

  /** An int tensor all of whose tokens are within a vocabulary. */
  tokens(handle: Tensor, vocabularySize: number): CpuTensor & { buffer: BufferId } {
    const tensor = this.tensor(handle);
    const { low, high } = tensor.range;
    if (low < 0 || high >= vocabularySize) {
      throw new RangeError(`token ${low < 0 ? low : high} is outside the vocabulary of ${vocabularySize}`);
    }
    return tensor as CpuTensor & { buffer: BufferId };
  }

  /** @param work About how many multiply-adds it takes. */
  submit(
    operation: Operation,
    numbers: readonly number[],
    buffers: readonly (BufferId | undefined)[],
    work: number,
  ): void {
    fillMailbox(this.#mailbox, operation, numbers, buffers);
    this.backend.submit(this.#mailbox, work < SMALL);
  }

  get bytesInUse(): number {
    let sum = this.backend.overhead;
    for (const bytes of this.#sizes.values()) sum += bytes;
    return sum;
  }

  #give(buffer: BufferId): void {
    this.#sizes.delete(buffer);
    this.backend.release(buffer);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.backend.close();
  }

  #own(handle: Tensor | Vector | Tape): CpuHandle {
    const isOurs = handle instanceof CpuTensor || handle instanceof CpuVector || handle instanceof CpuTape;
    if (!isOurs || handle.owner !== this) throw new TypeError('this handle was made by another engine');
    return handle;
  }
}
