/** The WebAssembly backend in Node, with worker threads. */

import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { availableProcessors } from '../../util/machine.node.ts';
import { hasFused, type StartedBackend, wasmBackend } from './wasm.ts';
import { type KernelWorker, WORKER_PROGRAM } from './wasm-worker.ts';

/** A worker thread of Node. It does not keep the program alive while it has nothing to do. */
export function makeNodeWorker(): KernelWorker {
  const program = `
    const { parentPort } = require('node:worker_threads');
    const program = ${WORKER_PROGRAM};
    parentPort.once('message', (start) => program(start, (id) => parentPort.postMessage(id)));`;
  // Without the options of this process: with `--input-type=module`, the program would be run as a module.
  const worker = new Worker(program, { eval: true, execArgv: [] });
  worker.unref();
  return {
    start: (message) => worker.postMessage(message),
    onSettled(listener) {
      worker.on('message', listener);
      worker.unref();
    },
    onFailed(listener) {
      // If both events occur, 'error' comes first.
      worker.on('error', (error) => listener(error.message));
      worker.on('exit', (code) => listener(`it ended with code ${code}`));
    },
    hold(isHeld) {
      if (isHeld) worker.ref();
      else worker.unref();
    },
    async stop() {
      await worker.terminate();
    },
  };
}

/** @throws {UnsupportedError} without WebAssembly and its SIMD */
export async function nodeWasmBackend(threads = availableProcessors()): Promise<StartedBackend> {
  // Node 20 has relaxed SIMD behind a flag, which must be set before anything is compiled.
  if (typeof WebAssembly === 'object' && !hasFused()) setFlagsFromString('--experimental-wasm-relaxed-simd');
  return wasmBackend({ makeWorker: makeNodeWorker, threads });
}
