/** The interface to the code that runs the kernels: the native add-on, or WebAssembly. */
import type { EngineLostError } from '../../errors.ts';
import type { BufferId } from './calls.ts';

export type BackendArray = Float32Array | Float64Array | Int32Array | Uint8Array;

export interface Backend {
  /** `native` or `wasm`. */
  readonly name: string;
  /** `AVX-512`, `WebAssembly SIMD`, … */
  readonly instructions: string;
  readonly threads: number;
  /** Whether multiply-adds are fused where the kernels ask for it. All such backends give the same bits. */
  readonly exactBits: boolean;
  /** Whether it has kernels for products in bfloat16. */
  readonly bfloat16: boolean;
  /** Whether int8 products do without the processor's instruction for them. For tests: the bits are the same. Default: false. */
  readonly plainInt8?: boolean;
  /** Resolves when its threads are lost; undefined if that can't happen. */
  readonly lost?: Promise<EngineLostError> | undefined;
  /** Bytes of memory for threads and code, in addition to the buffers. */
  readonly overhead: number;
  /** Allocates a buffer of zeros. Throws `MemoryError` if there is not enough memory. */
  allocate(bytes: number): BufferId;
  /** Frees a buffer after all commands submitted so far. */
  release(buffer: BufferId): void;
  /**
   * Enqueues a command (`calls.ts`). The array may be reused immediately.
   *
   * @param small Whether the command is so small that this thread finishes it sooner than it could pass it to other threads. It then runs here,
   *   unless another command is still running.
   */
  submit(command: Float64Array, small: boolean): void;
  /** Writes bytes from an offset on, after all commands submitted so far. The array may be changed immediately. */
  write(buffer: BufferId, offset: number, values: BackendArray): void;
  /**
   * Reads bytes from an offset on into the array, after all commands submitted so far and before any later one. Rejects if one of those
   * commands has failed.
   */
  read<T extends BackendArray>(buffer: BufferId, offset: number, into: T): T | Promise<T>;
  /** Releases memory and threads. */
  close(): Promise<void>;
}
