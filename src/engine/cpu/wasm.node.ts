/** The WebAssembly engine in Node: its workers are threads. */

import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { availableProcessors } from '../../util/machine.node.ts';
import { hasFused, type MadeBackend, wasmBackend } from './wasm.ts';
import { type KernelWorker, WORKER_PROGRAM } from './wasm-worker.ts';

/** A worker of Node. It does not keep a program alive that has nothing else to do. */
export function makeNodeWorker(): KernelWorker {
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
export async function nodeWasmBackend(threads = availableProcessors()): Promise<MadeBackend> {
  // Node 20 has relaxed SIMD behind a flag, which has to be set before anything is compiled.
  if (typeof WebAssembly === 'object' && !hasFused()) setFlagsFromString('--experimental-wasm-relaxed-simd');
  return wasmBackend({ makeWorker: makeNodeWorker, threads });
}
