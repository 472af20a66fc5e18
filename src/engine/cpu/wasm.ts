/**
 * Compiles and starts the kernels as WebAssembly (native/wasm/wasm.cpp), with the features that the environment has.
 *
 * With shared memory, a driver and its helpers, each in a worker, run the calls. Without it, or if no worker starts, the caller's thread
 * runs them.
 */
import { UnsupportedError } from '../../errors.ts';
import type { Backend } from './backend.ts';
import { threadsNotice } from './threads-notice.ts';
import { WasmBackend, type WasmExports, type WasmInstance } from './wasm-backend.ts';
import { type KernelBuild, kernelBytes } from './wasm-kernels.ts';
import type { KernelWorker } from './wasm-worker.ts';

export interface WasmInput {
  /** Makes a worker, or throws. Undefined without workers or shared memory. */
  readonly makeWorker?: (() => KernelWorker) | undefined;
  readonly threads: number;
  /** Milliseconds for all workers to start. */
  readonly maxStart?: number | undefined;
  /** What the count of commands is before the first one. For tests. Default: 0. */
  readonly firstCommand?: number | undefined;
}

export interface StartedBackend {
  readonly backend: Backend;
  /** Why it has fewer threads than requested. */
  readonly notice: string | undefined;
}

/** Memory limits in pages: 4 GB, 1 GB, 256 MB. The first that the system can reserve is used. */
const MAX_PAGES = [65536, 16384, 4096] as const;
/** Milliseconds to wait for workers, which normally start within a few dozen. */
const MAX_START = 10_000;

/** A module with one function, which uses `f32x4.relaxed_madd`. */
const FUSED_PROBE = new Uint8Array([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  // A type: no parameters, a result of type v128. A function of that type.
  ...[1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0],
  // Its code: three times i32.const 0 and i8x16.splat, then the instruction.
  ...[10, 19, 1, 17, 0, 0x41, 0, 0xfd, 15, 0x41, 0, 0xfd, 15, 0x41, 0, 0xfd, 15, 0xfd, 0x85, 2, 11],
]);

/** Whether this machine has WebAssembly with fused multiply-add. */
export function hasFused(): boolean {
  return hasWebAssembly() && WebAssembly.validate(FUSED_PROBE);
}

/** The builds of the kernels that this machine can use: with threads, and without. */
export function usableBuilds(): { readonly shared: KernelBuild; readonly single: KernelBuild } {
  return hasFused()
    ? { shared: 'fused-shared', single: 'fused' }
    : { shared: 'strict-shared', single: 'strict' };
}

function hasWebAssembly(): boolean {
  return typeof WebAssembly === 'object';
}

/**
 * Starts the backend, with fewer threads if not all workers start.
 *
 * @throws {UnsupportedError} without WebAssembly and its SIMD, or if the page or the system does not allow it
 */
export async function wasmBackend(input: WasmInput): Promise<StartedBackend> {
  if (!hasWebAssembly()) throw unsupported('there is no WebAssembly here');
  const { makeWorker, threads, maxStart = MAX_START, firstCommand } = input;
  const isFused = hasFused();
  const builds = usableBuilds();
  let problem: string | undefined;
  if (makeWorker) {
    const shared = await kernelBytes(builds.shared);
    const hasThreads = WebAssembly.validate(shared);
    const memory = hasThreads ? makeMemory(true) : undefined;
    if (memory) {
      const backend = new WasmBackend(await instantiate(shared, memory, isFused));
      problem = await backend.startWorkers({ makeWorker, threads, maxStart, firstCommand });
      if (backend.threads > 0) {
        return { backend, notice: threadsNotice(backend.threads, threads, problem ?? '') };
      }
    } else problem = hasThreads ? 'no memory can be shared' : 'WebAssembly has no threads here';
  }
  const memory = makeMemory(false);
  if (!memory) throw unsupported('the system gives WebAssembly no memory');
  const bytes = await kernelBytes(builds.single);
  const backend = new WasmBackend(await instantiate(bytes, memory, isFused));
  return { backend, notice: problem && threadsNotice(1, threads, problem) };
}

function unsupported(problem: string, cause?: unknown): UnsupportedError {
  return new UnsupportedError(`the WebAssembly engine does not work here: ${problem}.`, {
    cause,
    remedies: [
      { text: 'The reference engine needs no WebAssembly, but is slow', set: { engine: 'reference' } },
    ],
  });
}

async function instantiate(
  bytes: Uint8Array<ArrayBuffer>,
  memory: WebAssembly.Memory,
  isFused: boolean,
): Promise<WasmInstance> {
  if (!WebAssembly.validate(bytes)) throw unsupported('WebAssembly has no SIMD here');
  let module: WebAssembly.Module;
  try {
    module = await WebAssembly.compile(bytes);
  } catch (error) {
    // The bytes are valid, so compiling is forbidden.
    throw unsupported(
      "compiling WebAssembly is not allowed (a page with a Content-Security-Policy needs script-src 'wasm-unsafe-eval')",
      error,
    );
  }
  const { exports } = await WebAssembly.instantiate(module, {
    env: { memory },
    host: { settle() {}, now: () => performance.now() },
  });
  return {
    module,
    memory,
    exports: exports as unknown as WasmExports,
    exactBits: isFused,
    instructions: isFused
      ? 'WebAssembly SIMD, fused'
      : 'WebAssembly SIMD, not fused (differs in the last digits)',
  };
}

/** A memory with the largest limit that the system can reserve; undefined if it refuses all of them. */
function makeMemory(shared: boolean): WebAssembly.Memory | undefined {
  for (const maximum of MAX_PAGES) {
    try {
      return new WebAssembly.Memory({ initial: 64, maximum, shared });
    } catch {
      // Try the next, smaller limit.
    }
  }
  return undefined;
}
