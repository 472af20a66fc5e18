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
  /** Whether multiply-adds are fused as the kernels request. Then results have the same bits as those of every other such backend. */
  readonly exactBits: boolean;
  /** Resolves when its threads are lost; undefined if that can't happen. */
  readonly lost?: Promise<EngineLostError>;
  /** Bytes of memory besides the buffers: threads and code. */
  readonly overhead: number;
  /** Allocates a buffer of zeros. Throws `MemoryError` if there is not enough memory. */
  allocate(bytes: number): BufferId;
  /** Frees a buffer after all commands submitted so far. */
  release(buffer: BufferId): void;
  /**
   * Enqueues a command (`calls.ts`). The array may be reused immediately.
   *
   * @param small Whether it is faster to run the command on this thread, if no other command is running, than to hand it on.
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
