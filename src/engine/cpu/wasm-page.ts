/** The WebAssembly backend in a page: with workers if the page is cross-origin isolated, else on the page's own thread. */
import { threadsNotice } from './threads-notice.ts';
import { type StartedBackend, wasmBackend } from './wasm.ts';
import { type KernelWorker, WORKER_PROGRAM } from './wasm-worker.ts';

/**
 * Starts the backend of a page.
 *
 * Threads need shared memory, and so a cross-origin isolated page: one served with the headers `Cross-Origin-Opener-Policy: same-origin` and
 * `Cross-Origin-Embedder-Policy: require-corp`. A Content-Security-Policy must allow `worker-src blob:` for threads, and
 * `script-src 'wasm-unsafe-eval'` for WebAssembly in general.
 *
 * @param threads Default: the number of processors.
 * @throws {UnsupportedError} without WebAssembly and its SIMD, or if the page does not allow it
 */
export async function pageWasmBackend(threads?: number): Promise<StartedBackend> {
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
  // A policy violation before the worker's first message is taken as the reason why it did not start.
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
      // Some browsers report a policy that forbids the worker only by this event.
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
    // A page stays alive without this.
    hold() {},
    async stop() {
      violations.abort();
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}
