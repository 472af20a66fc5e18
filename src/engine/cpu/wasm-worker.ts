/** The interface of a worker, in Node or in a page, and the program that it runs. */

/** A worker that runs `WORKER_PROGRAM`. */
export interface KernelWorker {
  /** Posts the first message. */
  start(message: WorkerStart): void;
  /** The listener is called with the numbers that the program posts. */
  onSettled(listener: (id: number) => void): void;
  /** The listener is called if the worker can't start or ends unexpectedly, with the reason, without a full stop. */
  onFailed(listener: (reason: string) => void): void;
  /** Sets whether the worker keeps the program alive. */
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

/** A word of `struct Shared` that the kernels do not use. It becomes 1 when the number of threads is final. Only then does the driver start. */
export const BEGUN = 4;

/** The program of a worker, called with a `WorkerStart`. It posts 0 when it is ready, then the number of each read whose values are ready. */
export const WORKER_PROGRAM = `async ({ module, memory, stack, shared, thread }, post) => {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory }, host: { settle: post, now: () => performance.now() } });
  exports.__stack_pointer.value = stack;
  post(0);
  if (thread === 0) Atomics.wait(new Int32Array(memory.buffer, shared), ${BEGUN}, 0);
  if (thread === 0) exports.drive(shared);
  else exports.assist(shared, thread);
}`;
