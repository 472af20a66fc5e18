/** The WebAssembly engine in a page: with workers where the page is isolated from others, else on the page's own thread. */
import type { Backend } from './backend.ts';
import { type KernelWorker, WORKER_PROGRAM, wasmBackend } from './wasm.ts';

/**
 * Shared memory, and so threads, need a page that is isolated: served with the headers `Cross-Origin-Opener-Policy: same-origin`
 * and `Cross-Origin-Embedder-Policy: require-corp`.
 *
 * @throws {UnsupportedError} without WebAssembly SIMD
 */
export function pageWasmBackend(
  threads: number = globalThis.navigator?.hardwareConcurrency ?? 1,
): Promise<Backend> {
  const canShare = globalThis.crossOriginIsolated === true && typeof Worker === 'function';
  return wasmBackend({ makeWorker: canShare ? makeWorker : undefined, threads });
}

function makeWorker(): KernelWorker {
  const program = `
    const program = ${WORKER_PROGRAM};
    onmessage = ({ data }) => program(data, (id) => postMessage(id));`;
  const url = URL.createObjectURL(new Blob([program], { type: 'text/javascript' }));
  const worker = new Worker(url);
  return {
    start: (message) => worker.postMessage(message),
    onSettled(listener) {
      worker.onmessage = ({ data }) => listener(data);
    },
    // A page lives on by itself.
    hold() {},
    async stop() {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}
