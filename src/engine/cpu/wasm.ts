/**
 * The kernels as WebAssembly (native/wasm/wasm.cpp): compiled and started with what this place allows.
 *
 * With shared memory a driver and its helpers, each in a worker, make the calls. Where there is none, or no worker starts, everything is
 * made on the caller's thread.
 */
import { UnsupportedError } from '../../errors.ts';
import type { Backend } from './backend.ts';
import { threadsNotice } from './threads-notice.ts';
import { WasmBackend, type WasmExports, type WasmInstance } from './wasm-backend.ts';
import { FUSED, FUSED_SHARED, STRICT, STRICT_SHARED } from './wasm-binaries.ts';
import type { KernelWorker } from './wasm-worker.ts';

export interface WasmInput {
  /** Makes a worker, or throws; absent where there are none, or no shared memory. */
  readonly makeWorker?: (() => KernelWorker) | undefined;
  readonly threads: number;
  /** Milliseconds that all workers may take to start. */
  readonly maxStart?: number | undefined;
}

export interface MadeBackend {
  readonly backend: Backend;
  /** Why it has fewer threads than were asked for. */
  readonly notice: string | undefined;
}

/** Limits of a memory, in pages, of which the first that the system reserves is taken: 4 GB, 1 GB, 256 MB. */
const MAX_PAGES = [65536, 16384, 4096] as const;
/** Milliseconds to wait for workers; they normally start within tens. */
const MAX_START = 10_000;

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

/** Whether this machine has WebAssembly with fused multiply-add. */
export function hasFused(): boolean {
  return hasWebAssembly() && WebAssembly.validate(decode(FUSED));
}

function hasWebAssembly(): boolean {
  return typeof WebAssembly === 'object';
}

/**
 * Makes the engine, with fewer threads where not all workers start.
 *
 * @throws {UnsupportedError} without WebAssembly and its SIMD, or where the page or the system does not allow it
 */
export async function wasmBackend(input: WasmInput): Promise<MadeBackend> {
  if (!hasWebAssembly()) throw unsupported('there is no WebAssembly here');
  const { makeWorker, threads, maxStart = MAX_START } = input;
  const isFused = hasFused();
  let problem: string | undefined;
  if (makeWorker) {
    const shared = decode(isFused ? FUSED_SHARED : STRICT_SHARED);
    const hasThreads = WebAssembly.validate(shared);
    const memory = hasThreads ? makeMemory(true) : undefined;
    if (memory) {
      const backend = new WasmBackend(await instantiate(shared, memory, isFused));
      problem = await backend.startWorkers({ makeWorker, threads, maxStart });
      if (backend.threads > 0) {
        return { backend, notice: threadsNotice(backend.threads, threads, problem ?? '') };
      }
    } else problem = hasThreads ? 'no memory can be shared' : 'WebAssembly has no threads here';
  }
  const memory = makeMemory(false);
  if (!memory) throw unsupported('the system gives WebAssembly no memory');
  const backend = new WasmBackend(await instantiate(decode(isFused ? FUSED : STRICT), memory, isFused));
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
    // The bytes are valid: it is not allowed to compile any.
    throw unsupported(
      "compiling WebAssembly is not allowed (a page with a Content-Security-Policy needs script-src 'wasm-unsafe-eval')",
      error,
    );
  }
  const { exports } = await WebAssembly.instantiate(module, { env: { memory }, host: { settle() {} } });
  return {
    module,
    memory,
    exports: exports as unknown as WasmExports,
    exactBits: isFused,
    instructions: isFused ? 'WebAssembly SIMD, fused' : 'WebAssembly SIMD, not fused (its own last digits)',
  };
}

/** A memory with the largest limit that the system reserves; undefined where it refuses every one. */
function makeMemory(shared: boolean): WebAssembly.Memory | undefined {
  for (const maximum of MAX_PAGES) {
    try {
      return new WebAssembly.Memory({ initial: 64, maximum, shared });
    } catch {
      // The next one is smaller.
    }
  }
  return undefined;
}
