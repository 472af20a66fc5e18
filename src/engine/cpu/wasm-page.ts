/** The WebAssembly engine in a page: with workers where the page is isolated from others, else on the page's own thread. */
import { threadsNotice } from './threads-notice.ts';
import { type MadeBackend, wasmBackend } from './wasm.ts';
import { type KernelWorker, WORKER_PROGRAM } from './wasm-worker.ts';

/**
 * Shared memory, and so threads, need a page that is isolated: served with the headers `Cross-Origin-Opener-Policy: same-origin`
 * and `Cross-Origin-Embedder-Policy: require-corp`. A Content-Security-Policy has to allow `worker-src blob:` for threads, and
 * `script-src 'wasm-unsafe-eval'` for WebAssembly at all.
 *
 * @param threads As many as the machine has processors where absent.
 * @throws {UnsupportedError} without WebAssembly and its SIMD, or where the page does not allow it
 */
export async function pageWasmBackend(threads?: number): Promise<MadeBackend> {
  const canShare =
    globalThis.crossOriginIsolated === true &&
    typeof Worker === 'function' &&
    typeof SharedArrayBuffer === 'function';
  const made = await wasmBackend({
    makeWorker: canShare ? makeWorker : undefined,
    threads: threads ?? globalThis.navigator?.hardwareConcurrency ?? 1,
  });
  if (canShare || threads === undefined || threads === 1) return made;
  return { ...made, notice: threadsNotice(1, threads, 'the page is not isolated from others') };
}

function makeWorker(): KernelWorker {
  const program = `
    const program = ${WORKER_PROGRAM};
    onmessage = ({ data }) => program(data, (id) => postMessage(id));`;
  const url = URL.createObjectURL(new Blob([program], { type: 'text/javascript' }));
  const worker = new Worker(url);
  // A policy violation before the worker's first answer is attributed to it.
  const violations = new AbortController();
  return {
    start: (message) => worker.postMessage(message),
    onSettled(listener) {
      worker.onmessage = ({ data }) => {
        violations.abort();
        listener(data);
      };
    },
    onFailed(listener) {
      worker.onerror = (event) => listener(event.message || 'it could not be loaded');
      // Some browsers report a policy that forbids the worker here alone.
      globalThis.addEventListener?.(
        'securitypolicyviolation',
        (event) => {
          const { effectiveDirective, blockedURI } = event as SecurityPolicyViolationEvent;
          if (blockedURI !== 'blob' && blockedURI !== url) return;
          listener(`the Content-Security-Policy lacks blob: in ${effectiveDirective}`);
        },
        { signal: violations.signal },
      );
    },
    // A page lives on by itself.
    hold() {},
    async stop() {
      violations.abort();
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}
