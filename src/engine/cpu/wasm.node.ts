/** The WebAssembly engine in Node: its workers are threads. */

import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { availableProcessors } from '../../util/processors.node.ts';
import type { Backend } from './backend.ts';
import { hasFused, type KernelWorker, WORKER_PROGRAM, wasmBackend } from './wasm.ts';

/** A worker of Node. It does not keep a program alive that has nothing else to do. */
function makeWorker(): KernelWorker {
  const program = `
    const { parentPort } = require('node:worker_threads');
    const program = ${WORKER_PROGRAM};
    parentPort.once('message', (start) => program(start, (id) => parentPort.postMessage(id)));`;
  // None of the options of this process: after `--input-type=module` the program would be taken for a module.
  const worker = new Worker(program, { eval: true, execArgv: [] });
  worker.unref();
  return {
    start: (message) => worker.postMessage(message),
    onSettled(listener) {
      worker.on('message', listener);
      worker.unref();
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

/** @throws {UnsupportedError} without WebAssembly SIMD */
export async function nodeWasmBackend(threads = availableProcessors()): Promise<Backend> {
  // Node 20 has relaxed SIMD behind a flag, which has to be set before anything is compiled.
  if (!hasFused()) setFlagsFromString('--experimental-wasm-relaxed-simd');
  return wasmBackend({ makeWorker, threads });
}
