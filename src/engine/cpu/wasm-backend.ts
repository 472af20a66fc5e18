/** The WebAssembly backend: its memory, its queue of commands, its workers, and how results come back. */
import { EngineLostError, MemoryError } from '../../errors.ts';
import { formatBytes } from '../../util/format.ts';
import type { Backend, BackendArray } from './backend.ts';
import { MAX_BUFFERS, MAX_NUMBERS } from './calls.ts';
import { MemoryBlocks } from './wasm-memory.ts';
import { BEGUN, type KernelWorker } from './wasm-worker.ts';

/** Words of `struct Shared`. */
const SUBMITTED = 0;
const DONE = 1;
const WANTED = 2;
const THREADS = 3;
const START = 5;
const PROBLEM = { at: 64, bytes: 128 };
const SIGNAL = -1;
const MOVE_BYTES = -2;
const STOP = -3;

const PAGE = 65536;
const STACK = 1 << 18;
/** The number that a worker posts when it is ready. Reads are numbered from 1. */
const READY = 0;

export interface WasmExports {
  readonly __stack_pointer: WebAssembly.Global;
  readonly __heap_base: WebAssembly.Global;
  shared_bytes(): number;
  ring_offset(): number;
  entry_bytes(): number;
  ring_entries(): number;
  make_entry(shared: number, entry: number): void;
}

/** The compiled kernels, with their memory. */
export interface WasmInstance {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly exports: WasmExports;
  readonly instructions: string;
  /** Whether multiplications and additions are fused. */
  readonly exactBits: boolean;
}

interface WorkerRequest {
  readonly makeWorker: () => KernelWorker;
  readonly threads: number;
  /** Milliseconds for all workers to start. */
  readonly maxStart: number;
  /** What the count of commands is before the first one. For tests. Default: 0. */
  readonly firstCommand?: number | undefined;
}

interface WorkerStarting {
  readonly worker: KernelWorker;
  /** Resolves with undefined when it is ready, or with the reason why it can't start. */
  readonly ready: Promise<string | undefined>;
}

/** A promise that resolves with a text after some time. */
function after(milliseconds: number, text: string): { reason: Promise<string>; clear(): void } {
  let timer: ReturnType<typeof setTimeout>;
  const reason = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, milliseconds, text);
  });
  return { reason, clear: () => clearTimeout(timer) };
}

export class WasmBackend implements Backend {
  readonly name = 'wasm';
  readonly instructions: string;
  readonly bfloat16 = false;
  readonly exactBits: boolean;
  readonly #lost: Promise<EngineLostError>;
  #lose: (error: EngineLostError) => void = () => {};
  readonly #exports: WasmExports;
  readonly #memory: WebAssembly.Memory;
  readonly #module: WebAssembly.Module;
  readonly #blocks: MemoryBlocks;
  readonly #shared: number;
  /** The address of the queue entry for calls that this thread runs. */
  readonly #ownEntry: number;
  readonly #sizes = new Map<number, number>();
  /** Blocks to free once the first `after` commands are done. */
  #toFree: { readonly at: number; readonly after: number }[] = [];
  #workers: KernelWorker[] = [];
  #threads = 1;
  /** Reads that wait for a message from the driver, by number. */
  readonly #waiting = new Map<number, { resolve(): void; reject(error: Error): void }>();
  /** Why all reads fail from now on. */
  #failure: EngineLostError | undefined;
  /** The number of commands so far, as an integer of 32 bits that wraps around. So a difference of two counts has to be, too. */
  #submitted = 0;
  #nextRead = 1;

  constructor({ module, memory, exports, instructions, exactBits }: WasmInstance) {
    this.exactBits = exactBits;
    this.#lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    this.#module = module;
    this.#exports = exports;
    this.#memory = memory;
    this.instructions = instructions;
    this.#blocks = new MemoryBlocks(exports.__heap_base.value, (end) => this.#growTo(end));
    this.#shared = this.#allocateZeroed(exports.shared_bytes());
    this.#ownEntry = this.#allocateZeroed(exports.entry_bytes());
    this.#words()[THREADS] = 1;
  }

  /** Undefined if the caller's thread computes: then nothing can be lost. */
  get lost(): Promise<EngineLostError> | undefined {
    return this.#workers.length > 0 ? this.#lost : undefined;
  }

  /** The number of threads that compute; 0 if workers were requested and none has started. */
  get threads(): number {
    return this.#threads;
  }

  /**
   * Starts the workers and waits until they are ready. If one does not start, it and all workers after it are stopped, and the others are used.
   *
   * @returns why fewer than requested have started; undefined if all have
   */
  async startWorkers(request: WorkerRequest): Promise<string | undefined> {
    const { makeWorker, threads, maxStart, firstCommand = 0 } = request;
    this.#submitted = firstCommand | 0;
    for (const count of [SUBMITTED, DONE, WANTED, START]) this.#words()[count] = this.#submitted;
    const starts: WorkerStarting[] = [];
    let problem: string | undefined;
    try {
      while (starts.length < threads) starts.push(this.#startWorker(makeWorker(), starts.length));
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    const late = after(maxStart, `they did not start within ${maxStart / 1000} s`);
    const reasons = await Promise.all(starts.map(({ ready }) => Promise.race([ready, late.reason])));
    late.clear();
    const failed = reasons.findIndex((reason) => reason !== undefined);
    this.#threads = failed < 0 ? starts.length : failed;
    problem = reasons[failed] ?? problem;
    const workers = starts.map(({ worker }) => worker);
    this.#workers = workers.slice(0, this.#threads);
    await Promise.all(workers.slice(this.#threads).map((worker) => worker.stop()));
    this.#words()[THREADS] = this.#threads;
    Atomics.store(this.#words(), BEGUN, 1);
    Atomics.notify(this.#words(), BEGUN);
    for (const worker of this.#workers) worker.hold(false);
    return problem && `workers could not be started (${problem})`;
  }

  #startWorker(worker: KernelWorker, thread: number): WorkerStarting {
    const stack = this.#allocateZeroed(STACK) + STACK;
    worker.hold(true);
    const ready = new Promise<string | undefined>((resolve) => {
      worker.onSettled((id) => {
        if (id === READY) return resolve(undefined);
        this.#waiting.get(id)?.resolve();
        this.#waiting.delete(id);
        if (this.#waiting.size === 0) worker.hold(false);
      });
      worker.onFailed((reason) => {
        resolve(reason);
        if (this.#workers.includes(worker)) this.#fail(reason);
      });
    });
    worker.start({ module: this.#module, memory: this.#memory, stack, shared: this.#shared, thread });
    return { worker, ready };
  }

  /** Fails all pending reads after a worker has ended, because they would wait forever. */
  #fail(reason: string): void {
    this.#failure ??= new EngineLostError(`a worker of the WebAssembly engine has ended: ${reason}`);
    this.#lose(this.#failure);
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }

  allocate(bytes: number): number {
    this.#freeDone();
    const at = this.#allocateZeroed(bytes);
    this.#sizes.set(at, bytes);
    return at;
  }

  release(buffer: number): void {
    if (!this.#sizes.delete(buffer)) throw new TypeError('no such buffer');
    this.#freeLater(buffer);
  }

  submit(command: Float64Array, small: boolean): void {
    const buffers = command.subarray(1 + MAX_NUMBERS);
    this.#enqueue((entry) => {
      entry.set(command);
      for (let i = 0; i < MAX_BUFFERS; i++) {
        entry[1 + MAX_NUMBERS + MAX_BUFFERS + i] = this.#sizes.get(buffers[i] as number) ?? 0;
      }
    }, small);
  }

  write(buffer: number, offset: number, values: BackendArray): void {
    const at = this.#placeIn(buffer, offset, values.byteLength);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    if (this.#isIdle) {
      new Uint8Array(this.#memory.buffer).set(bytes, at);
      return;
    }
    const staging = this.#blocks.allocate(bytes.length);
    new Uint8Array(this.#memory.buffer).set(bytes, staging);
    this.#enqueue((entry) => {
      entry[0] = MOVE_BYTES;
      entry[1] = bytes.length;
      entry[1 + MAX_NUMBERS] = at;
      entry[2 + MAX_NUMBERS] = staging;
    }, false);
    this.#freeLater(staging);
  }

  read<T extends BackendArray>(buffer: number, offset: number, into: T): T | Promise<T> {
    if (this.#failure) throw this.#failure;
    const at = this.#placeIn(buffer, offset, into.byteLength);
    const copyFrom = (place: number) => {
      const target = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
      target.set(new Uint8Array(this.#memory.buffer, place, into.byteLength));
      return into;
    };
    if (this.#isIdle) {
      this.#throwProblem();
      return copyFrom(at);
    }
    // A copy in the order of the commands: when the message arrives, later commands may have changed the buffer.
    const aside = this.#blocks.allocate(into.byteLength);
    this.#enqueue((entry) => {
      entry[0] = MOVE_BYTES;
      entry[1] = into.byteLength;
      entry[1 + MAX_NUMBERS] = aside;
      entry[2 + MAX_NUMBERS] = at;
    }, false);
    const id = this.#nextRead;
    this.#nextRead = id === 2 ** 30 ? 1 : id + 1;
    this.#workers[0]?.hold(true);
    const settled = new Promise<void>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#enqueue((entry) => {
      entry[0] = SIGNAL;
      entry[1] = id;
    }, false);
    return settled.then(() => {
      copyFrom(aside);
      this.#blocks.free(aside);
      this.#throwProblem();
      return into;
    });
  }

  async close(): Promise<void> {
    const workers = this.#workers;
    if (workers.length === 0) return;
    if (!this.#failure) {
      this.#enqueue((entry) => {
        entry[0] = STOP;
      }, false);
    }
    this.#workers = [];
    await Promise.all(workers.map((worker) => worker.stop()));
  }

  /** Each worker has its own JavaScript heap in addition to the stack of its thread. */
  get overhead(): number {
    return this.#workers.length * 11e6 + this.#threads * STACK;
  }

  get #isIdle(): boolean {
    return this.#workers.length === 0 || Atomics.load(this.#words(), DONE) === this.#submitted;
  }

  /** Adds an entry to the queue, or runs it on this thread. */
  #enqueue(fill: (entry: Float64Array) => void, small: boolean): void {
    const { ring_offset, ring_entries, entry_bytes, make_entry } = this.#exports;
    const length = entry_bytes() / 8;
    if (this.#workers.length === 0 || (small && this.#isIdle)) {
      const entry = new Float64Array(this.#memory.buffer, this.#ownEntry, length).fill(0);
      fill(entry);
      make_entry(this.#shared, this.#ownEntry);
      return;
    }
    const words = this.#words();
    // If the queue is full, an entry becomes free when the current call is done, unless the driver has ended.
    while (((this.#submitted - Atomics.load(words, DONE)) | 0) >= ring_entries()) {
      if (this.#failure) throw this.#failure;
    }
    const at = this.#shared + ring_offset() + ((this.#submitted >>> 0) % ring_entries()) * entry_bytes();
    const entry = new Float64Array(this.#memory.buffer, at, length).fill(0);
    fill(entry);
    this.#submitted = (this.#submitted + 1) | 0;
    Atomics.store(words, SUBMITTED, this.#submitted);
    Atomics.notify(words, SUBMITTED);
  }

  #words(): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#memory.buffer, this.#shared, 16) as Int32Array<ArrayBuffer>;
  }

  #placeIn(buffer: number, offset: number, bytes: number): number {
    const size = this.#sizes.get(buffer);
    if (size === undefined || offset < 0 || offset + bytes > size) throw new RangeError('beyond the buffer');
    return buffer + offset;
  }

  /** Throws the problem of the last call that was refused, if there is one. */
  #throwProblem(): void {
    const text = new Uint8Array(this.#memory.buffer, this.#shared + PROBLEM.at, PROBLEM.bytes);
    if (text[0] === 0) return;
    const problem = new TextDecoder().decode(text.slice(0, text.indexOf(0)));
    text.fill(0);
    throw new Error(`the WebAssembly engine refused a call: ${problem}`);
  }

  #allocateZeroed(bytes: number): number {
    const at = this.#blocks.allocate(bytes);
    new Uint8Array(this.#memory.buffer, at, this.#blocks.sizeAt(at)).fill(0);
    return at;
  }

  /** Frees a block after all commands submitted so far. */
  #freeLater(at: number): void {
    this.#toFree.push({ at, after: this.#submitted });
    this.#freeDone();
  }

  #freeDone(): void {
    const done = this.#isIdle ? this.#submitted : Atomics.load(this.#words(), DONE);
    const isDone = ({ after }: { readonly after: number }) => ((done - after) | 0) >= 0;
    for (const block of this.#toFree) if (isDone(block)) this.#blocks.free(block.at);
    this.#toFree = this.#toFree.filter((block) => !isDone(block));
  }

  #growTo(end: number): void {
    const missing = Math.ceil(end / PAGE) - this.#memory.buffer.byteLength / PAGE;
    if (missing <= 0) return;
    try {
      this.#memory.grow(missing);
    } catch (error) {
      throw new MemoryError(
        `WebAssembly can't get another ${formatBytes(missing * PAGE)} of memory; its limit is 4 GB`,
        {
          cause: error,
        },
      );
    }
  }
}
