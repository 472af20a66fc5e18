/**
 * Records the dispatches of an engine and submits them to its device.
 *
 * To add an operation: write its WGSL in `shaders/`, make a `kernel` of it, and call `run` with its buffers, the numbers of its uniform
 * block and the count of workgroups. Working memory comes from `scratch`.
 *
 * In the steady state, a dispatch creates no objects: pipelines, bind groups and blocks of numbers are cached by their content. Dispatches
 * share a compute pass until something is written, read or copied.
 */
import { type CharRnnError, type EngineLostError, MemoryError } from '../../errors.ts';
import { formatBytes } from '../../util/format.ts';
import { BUFFER_USAGE, MAP_MODE_READ, OUT_OF_MEMORY } from './constants.ts';
import { deviceLostError, type GpuDevice } from './device.ts';
import { type Kernel, MAX_NUMBERS } from './kernel.ts';
import { NumberBlocks } from './number-blocks.ts';
import { type Pipelines, pipelinesOf } from './pipelines.ts';

/** The number of dispatches after which work is submitted, so that the device can begin while more is recorded. */
const DISPATCHES_PER_SUBMIT = 64;
/** Bytes of the largest buffer for reads that is kept for the next: figures and losses are smaller, the copies of a whole model larger. */
const MAX_KEPT_STAGING = 2 ** 20;
/** How long to wait after a failed read for the message that the device was lost, in milliseconds. */
const LOSS_DELAY = 1000;

/** What differs between the dispatches of a kernel. */
export interface Dispatch {
  /** The uniform block of the shader: 32-bit unsigned integers, or floats by `floatBits`. */
  readonly numbers: readonly number[];
  /** Workgroups in up to three dimensions. */
  readonly groups: readonly number[];
}

export class Recorder {
  /** Resolves when the device is lost or had too little memory. */
  readonly lost: Promise<EngineLostError | MemoryError>;
  #lose: (error: EngineLostError | MemoryError) => void = () => {};
  readonly #gpu: GpuDevice;
  readonly #device: GPUDevice;
  readonly #pipelines: Pipelines;
  readonly #blocks: NumberBlocks;
  readonly #numbersGroup: GPUBindGroup;
  readonly #groups = new Map<string, GPUBindGroup>();
  /** The keys of the bind groups that have a buffer, to forget them when it is destroyed. */
  readonly #groupsOf = new Map<GPUBuffer, Set<string>>();
  readonly #ids = new Map<GPUBuffer, number>();
  readonly #scratch = new Map<string, GPUBuffer>();
  readonly #versions = new Map<GPUBuffer, number>();
  /** Buffers for reads, by their size. */
  readonly #staging = new Map<number, GPUBuffer[]>();
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #pipeline: GPUComputePipeline | undefined;
  #group: GPUBindGroup | undefined;
  #pending = 0;
  #isScheduled = false;
  #isClosed = false;
  #failure: CharRnnError | Error | undefined;
  #nextId = 0;
  #bytes = 0;
  /** Counted since the engine was made, for measurements. */
  readonly counts = { dispatches: 0, submits: 0, reads: 0 };

  constructor(gpu: GpuDevice) {
    this.#gpu = gpu;
    this.#device = gpu.device;
    this.#pipelines = pipelinesOf(gpu.device);
    this.#blocks = new NumberBlocks(gpu.device, () => this.submit());
    this.#numbersGroup = gpu.device.createBindGroup({
      layout: this.#pipelines.numbers,
      entries: [{ binding: 0, resource: { buffer: this.#blocks.buffer, size: MAX_NUMBERS * 4 } }],
    });
    gpu.device.addEventListener('uncapturederror', this.#noteError);
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    gpu.device.lost.then((info) => {
      if (this.#isClosed) return;
      const error = deviceLostError(gpu.adapter, info);
      this.#failure = error;
      this.#lose(error);
    });
  }

  get bytesInUse(): number {
    return this.#bytes + this.#blocks.buffer.size;
  }

  /**
   * A buffer of zeros that kernels can read and write.
   *
   * @throws {MemoryError} if it is larger than the device allows
   */
  allocate(bytes: number): GPUBuffer {
    if (this.#isClosed) throw new TypeError('this engine is closed');
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#device.limits;
    const most = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    if (size > most) {
      throw new MemoryError(
        `an array of ${formatBytes(size)} is larger than the GPU ${this.#gpu.adapter.name} allows: at most ${formatBytes(most)}. Use a smaller batch, fewer time steps or fewer units.`,
      );
    }
    const usage = BUFFER_USAGE.storage | BUFFER_USAGE.copyTarget | BUFFER_USAGE.copySource;
    const buffer = this.#device.createBuffer({ size, usage });
    this.#ids.set(buffer, this.#nextId++);
    this.#bytes += size;
    return buffer;
  }

  /** Destroys a buffer, after the work that was recorded before. */
  free(buffer: GPUBuffer): void {
    this.submit();
    this.#bytes -= buffer.size;
    this.#ids.delete(buffer);
    this.#versions.delete(buffer);
    for (const key of this.#groupsOf.get(buffer) ?? []) this.#groups.delete(key);
    this.#groupsOf.delete(buffer);
    buffer.destroy();
  }

  /** Working memory of at least this size for one operation. Its content is undefined. Operations that use the same name share it. */
  scratch(name: string, bytes: number): GPUBuffer {
    const known = this.#scratch.get(name);
    if (known && known.size >= bytes) return known;
    this.#scratch.delete(name);
    if (known) this.free(known);
    const made = this.allocate(bytes);
    this.#scratch.set(name, made);
    return made;
  }

  /** A number that changes whenever work is recorded that writes to the buffer. So what was derived from it can be kept until then. */
  versionOf(buffer: GPUBuffer): number {
    return this.#versions.get(buffer) ?? 0;
  }

  /** Records a dispatch. */
  run(
    kernel: Kernel,
    buffers: readonly GPUBuffer[],
    numbers: Dispatch['numbers'],
    groups: Dispatch['groups'],
  ): void {
    this.runAll(kernel, buffers, [{ numbers, groups }]);
  }

  /** Records several dispatches of a kernel with the same buffers, such as the time steps of a layer. */
  runAll(kernel: Kernel, buffers: readonly GPUBuffer[], dispatches: Iterable<Dispatch>): void {
    const { pipeline, buffers: layout } = this.#pipelines.get(kernel);
    const group = this.#groupOf(kernel, layout, buffers);
    kernel.access.forEach((mode, index) => {
      if (mode === 'write') this.#noteWrite(buffers[index] as GPUBuffer);
    });
    for (const { numbers, groups } of dispatches) {
      const offset = this.#blocks.offsetOf(numbers);
      const pass = this.#passNow();
      if (this.#pipeline !== pipeline) {
        pass.setPipeline(pipeline);
        this.#pipeline = pipeline;
      }
      if (this.#group !== group) {
        pass.setBindGroup(0, group);
        this.#group = group;
      }
      pass.setBindGroup(1, this.#numbersGroup, [offset]);
      pass.dispatchWorkgroups(groups[0] ?? 1, groups[1] ?? 1, groups[2] ?? 1);
      this.counts.dispatches++;
      if (++this.#pending >= DISPATCHES_PER_SUBMIT) this.submit();
      else this.#schedule();
    }
  }

  /** Copies bytes between different buffers. Offsets and count are multiples of 4. */
  copy(from: GPUBuffer, fromAt: number, to: GPUBuffer, toAt: number, bytes: number): void {
    if (bytes === 0) return;
    this.#noteWrite(to);
    this.#encoderNow().copyBufferToBuffer(from, fromAt, to, toAt, bytes);
    this.#schedule();
  }

  /** Sets bytes to zero. */
  clear(buffer: GPUBuffer, at: number, bytes: number): void {
    if (bytes === 0) return;
    this.#noteWrite(buffer);
    this.#encoderNow().clearBuffer(buffer, at, bytes);
    this.#schedule();
  }

  /** Writes after all work that was recorded before. @param at In bytes. */
  write(buffer: GPUBuffer, at: number, values: Float32Array | Int32Array | Uint32Array): void {
    // A write to a queue comes before the next submit, so recorded work has to be submitted first.
    this.submit();
    this.#noteWrite(buffer);
    this.#device.queue.writeBuffer(buffer, at, values as Float32Array<ArrayBuffer>);
  }

  /**
   * The bytes of a buffer after all work recorded before, whatever is recorded later.
   *
   * @throws {EngineLostError} if the device is lost
   * @throws {MemoryError} if the device had too little memory for an earlier call
   */
  async read(buffer: GPUBuffer, at: number, bytes: number): Promise<ArrayBuffer> {
    if (this.#failure) throw this.#failure;
    if (bytes === 0) return new ArrayBuffer(0);
    const staging = this.#takeStaging(bytes);
    this.copy(buffer, at, staging, 0, bytes);
    this.counts.reads++;
    // Other reads of this turn go into the same submit.
    await Promise.resolve();
    this.submit();
    try {
      await staging.mapAsync(MAP_MODE_READ, 0, bytes);
    } catch (error) {
      throw await this.#reasonFor(error);
    }
    if (this.#failure) throw this.#failure;
    const values = staging.getMappedRange(0, bytes).slice(0);
    staging.unmap();
    this.#keepStaging(staging);
    return values;
  }

  /** Submits what is recorded. */
  submit(): void {
    this.#isScheduled = false;
    if (!this.#encoder) return;
    this.#endPass();
    this.#device.queue.submit([this.#encoder.finish()]);
    this.#encoder = undefined;
    this.#pending = 0;
    this.counts.submits++;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#device.removeEventListener('uncapturederror', this.#noteError);
    this.submit();
    for (const buffer of this.#ids.keys()) buffer.destroy();
    for (const buffers of this.#staging.values()) for (const buffer of buffers) buffer.destroy();
    this.#blocks.buffer.destroy();
    this.#gpu.release();
  }

  /** Errors of calls that WebGPU reports later. All engines of a device get them, because it is not known whose call failed. */
  readonly #noteError = ({ error }: GPUUncapturedErrorEvent): void => {
    if (this.#failure) return;
    if (error.constructor.name !== OUT_OF_MEMORY) {
      this.#failure = new Error(`WebGPU refused a call: ${error.message}`);
      return;
    }
    const tooLittle = new MemoryError(
      `the GPU ${this.#gpu.adapter.name} has too little free memory. Use a smaller batch, fewer time steps or fewer units.`,
    );
    this.#failure = tooLittle;
    this.#lose(tooLittle);
  };

  async #reasonFor(error: unknown): Promise<unknown> {
    if (this.#failure || this.#isClosed) return this.#failure ?? new TypeError('this engine is closed');
    const lost = this.#device.lost.then((info) => deviceLostError(this.#gpu.adapter, info));
    const late = new Promise((resolve) => setTimeout(() => resolve(error), LOSS_DELAY));
    return Promise.race([lost, late]);
  }

  #noteWrite(buffer: GPUBuffer): void {
    this.#versions.set(buffer, this.versionOf(buffer) + 1);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      if (this.#isScheduled && !this.#isClosed) this.submit();
    });
  }

  #encoderNow(): GPUCommandEncoder {
    this.#endPass();
    this.#encoder ??= this.#device.createCommandEncoder();
    return this.#encoder;
  }

  #passNow(): GPUComputePassEncoder {
    this.#encoder ??= this.#device.createCommandEncoder();
    this.#pass ??= this.#encoder.beginComputePass();
    return this.#pass;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
    this.#pipeline = undefined;
    this.#group = undefined;
  }

  #groupOf(kernel: Kernel, layout: GPUBindGroupLayout, buffers: readonly GPUBuffer[]): GPUBindGroup {
    let key = kernel.access.join();
    for (const buffer of buffers) key += `,${this.#ids.get(buffer)}`;
    const known = this.#groups.get(key);
    if (known) return known;
    const made = this.#device.createBindGroup({
      label: kernel.name,
      layout,
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    this.#groups.set(key, made);
    for (const buffer of buffers) {
      const keys = this.#groupsOf.get(buffer) ?? new Set();
      this.#groupsOf.set(buffer, keys.add(key));
    }
    return made;
  }

  #takeStaging(bytes: number): GPUBuffer {
    // A power of two, so that a buffer serves reads of several sizes; but the largest array may be the largest buffer too.
    const size =
      bytes > MAX_KEPT_STAGING ? Math.ceil(bytes / 4) * 4 : 2 ** Math.ceil(Math.log2(Math.max(256, bytes)));
    return (
      this.#staging.get(size)?.pop() ??
      this.#device.createBuffer({ size, usage: BUFFER_USAGE.mapRead | BUFFER_USAGE.copyTarget })
    );
  }

  /** Keeps a small buffer for the next read, and destroys a large one. */
  #keepStaging(staging: GPUBuffer): void {
    if (staging.size > MAX_KEPT_STAGING || this.#isClosed) {
      this.#versions.delete(staging);
      staging.destroy();
      return;
    }
    const free = this.#staging.get(staging.size) ?? [];
    this.#staging.set(staging.size, free);
    free.push(staging);
  }
}
