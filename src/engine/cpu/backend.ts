/** What runs the kernels: the native add-on, or WebAssembly. */
import type { EngineLostError } from '../../errors.ts';
import type { BufferId } from './calls.ts';

export type BackendArray = Float32Array | Float64Array | Int32Array | Uint8Array;

export interface Backend {
  /** `native` or `wasm`. */
  readonly name: string;
  /** `AVX-512`, `WebAssembly SIMD`, … */
  readonly instructions: string;
  readonly threads: number;
  /** Whether multiplications and additions are fused as the kernels ask: results then have the bits of every other such backend. */
  readonly exactBits: boolean;
  /** Resolves when its threads are lost; absent where that can't happen. */
  readonly lost?: Promise<EngineLostError>;
  /** Bytes that it takes beside buffers: threads, code. */
  readonly overhead: number;
  /** A buffer of zeros. Throws `MemoryError` where there is no room. */
  allocate(bytes: number): BufferId;
  /** Gives a buffer back after everything that was submitted. */
  release(buffer: BufferId): void;
  /**
   * Enqueues the call in a mailbox (`calls.ts`), which may be used again at once.
   *
   * @param small Whether making it on this thread, if nothing is under way, takes less time than handing it on.
   */
  submit(mailbox: Float64Array, small: boolean): void;
  /** Sets bytes from an offset on, in the order of what was submitted; the array may be changed at once. */
  write(buffer: BufferId, offset: number, values: BackendArray): void;
  /**
   * Fills the array from an offset on with what stands there after everything that was submitted, and before anything that is
   * submitted later. Rejects when a call of those failed.
   */
  read<T extends BackendArray>(buffer: BufferId, offset: number, into: T): T | Promise<T>;
  /** Gives memory and threads back. */
  close(): Promise<void>;
}
