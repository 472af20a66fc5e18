/** What the WebAssembly engine asks of a worker, in Node or in a page, and the program that the worker runs. */

/** A worker that runs `WORKER_PROGRAM`. */
export interface KernelWorker {
  /** Posts the message that the worker begins with. */
  start(message: WorkerStart): void;
  onSettled(listener: (id: number) => void): void;
  /** Called when it could not be started or has ended by itself, with the reason, without a full stop. */
  onFailed(listener: (reason: string) => void): void;
  /** Whether it keeps the program alive. */
  hold(isHeld: boolean): void;
  stop(): Promise<void>;
}

export interface WorkerStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly stack: number;
  readonly shared: number;
  /** 0: the driver. */
  readonly thread: number;
}

/** The word of `struct Shared`, unused by the kernels, that becomes 1 when the number of threads is known, which the driver reads once. */
export const BEGUN = 4;

/** What a worker does with a `WorkerStart`; `post` sends 0 when it is ready, then the number of each read that may go on. */
export const WORKER_PROGRAM = `async ({ module, memory, stack, shared, thread }, post) => {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory }, host: { settle: post } });
  exports.__stack_pointer.value = stack;
  post(0);
  if (thread === 0) Atomics.wait(new Int32Array(memory.buffer, shared), ${BEGUN}, 0);
  if (thread === 0) exports.drive(shared);
  else exports.assist(shared, thread);
}`;
