/**
 * The kernels as WebAssembly (native/wasm/wasm.cpp).
 *
 * With shared memory a driver and its helpers, each in a worker, make the calls; short ones are made here at once when nothing is
 * under way. Without it, in a page that is not isolated from others, everything is made here, on one thread.
 */
import { MemoryError, UnsupportedError } from '../../errors.ts';
import { formatBytes } from '../../util/format-number.ts';
import type { Backend, BackendArray } from './backend.ts';
import { MAX_BUFFERS, MAX_NUMBERS } from './calls.ts';
import { FUSED, FUSED_SHARED, STRICT, STRICT_SHARED } from './wasm-binaries.ts';
import { MemoryBlocks } from './wasm-memory.ts';

/** A worker that runs `WORKER_PROGRAM`. */
export interface KernelWorker {
  /** Posts the message that the worker begins with. */
  start(message: WorkerStart): void;
  onSettled(listener: (id: number) => void): void;
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

/** What a worker does with a `WorkerStart`; `post` sends the number of a read that may go on. */
export const WORKER_PROGRAM = `async ({ module, memory, stack, shared, thread }, post) => {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory }, host: { settle: post } });
  exports.__stack_pointer.value = stack;
  if (thread === 0) exports.drive(shared);
  else exports.assist(shared, thread);
}`;

export interface WasmSettings {
  /** Makes a worker; absent where there are none, or no shared memory. */
  readonly makeWorker?: (() => KernelWorker) | undefined;
  readonly threads: number;
}

/** Words of `struct Shared`. */
const SUBMITTED = 0;
const DONE = 1;
const THREADS = 3;
const PROBLEM = { at: 64, bytes: 128 };
const SIGNAL = -1;
const MOVE_BYTES = -2;
const STOP = -3;

const PAGE = 65536;
const MOST_PAGES = 65536;
const STACK = 1 << 18;

interface Exports {
  readonly __stack_pointer: WebAssembly.Global;
  readonly __heap_base: WebAssembly.Global;
  shared_bytes(): number;
  ring_offset(): number;
  entry_bytes(): number;
  ring_entries(): number;
  make_entry(shared: number, entry: number): void;
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

/** Whether this machine has WebAssembly with fused multiply-add. */
export function hasFused(): boolean {
  return WebAssembly.validate(decode(FUSED));
}

/** @throws {UnsupportedError} without WebAssembly SIMD */
export async function wasmBackend({ makeWorker, threads }: WasmSettings): Promise<Backend> {
  const isFused = hasFused();
  const binary = makeWorker ? (isFused ? FUSED_SHARED : STRICT_SHARED) : isFused ? FUSED : STRICT;
  const bytes = decode(binary);
  if (!WebAssembly.validate(bytes)) {
    throw new UnsupportedError('there is no WebAssembly with SIMD here.');
  }
  const module = await WebAssembly.compile(bytes);
  const memory = new WebAssembly.Memory({
    initial: 64,
    maximum: MOST_PAGES,
    shared: makeWorker !== undefined,
  });
  const { exports } = await WebAssembly.instantiate(module, { env: { memory }, host: { settle() {} } });
  const backend = new WasmBackend(exports as unknown as Exports, memory, {
    instructions: isFused ? 'WebAssembly SIMD, fused' : 'WebAssembly SIMD, not fused (its own last digits)',
    threads: makeWorker ? threads : 1,
  });
  if (makeWorker) backend.startWorkers(module, makeWorker);
  return backend;
}

class WasmBackend implements Backend {
  readonly name = 'wasm';
  readonly instructions: string;
  readonly threads: number;
  readonly #exports: Exports;
  readonly #memory: WebAssembly.Memory;
  readonly #blocks: MemoryBlocks;
  readonly #shared: number;
  /** Where an entry that is made here stands. */
  readonly #ownEntry: number;
  readonly #sizes = new Map<number, number>();
  /** Blocks that go back once so many calls are done. */
  #leaving: { readonly at: number; readonly after: number }[] = [];
  #workers: KernelWorker[] = [];
  readonly #waiting = new Map<number, () => void>();
  #submitted = 0;
  #nextRead = 1;

  constructor(
    exports: Exports,
    memory: WebAssembly.Memory,
    { instructions, threads }: { readonly instructions: string; readonly threads: number },
  ) {
    this.#exports = exports;
    this.#memory = memory;
    this.instructions = instructions;
    this.threads = threads;
    this.#blocks = new MemoryBlocks(exports.__heap_base.value, (end) => this.#reach(end));
    this.#shared = this.#takeZeroed(exports.shared_bytes());
    this.#ownEntry = this.#takeZeroed(exports.entry_bytes());
    this.#words()[THREADS] = threads;
  }

  startWorkers(module: WebAssembly.Module, makeWorker: () => KernelWorker): void {
    for (let thread = 0; thread < this.threads; thread++) {
      const worker = makeWorker();
      const stack = this.#takeZeroed(STACK) + STACK;
      worker.onSettled((id) => {
        this.#waiting.get(id)?.();
        this.#waiting.delete(id);
        if (this.#waiting.size === 0) worker.hold(false);
      });
      worker.start({ module, memory: this.#memory, stack, shared: this.#shared, thread });
      this.#workers.push(worker);
    }
  }

  allocate(bytes: number): number {
    this.#giveBack();
    const at = this.#takeZeroed(bytes);
    this.#sizes.set(at, bytes);
    return at;
  }

  release(buffer: number): void {
    if (!this.#sizes.delete(buffer)) throw new TypeError('no such buffer');
    this.#leave(buffer);
  }

  submit(mailbox: Float64Array, small: boolean): void {
    const buffers = mailbox.subarray(1 + MAX_NUMBERS);
    this.#put((entry) => {
      entry.set(mailbox);
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
    const staging = this.#blocks.take(bytes.length);
    new Uint8Array(this.#memory.buffer).set(bytes, staging);
    this.#put((entry) => {
      entry[0] = MOVE_BYTES;
      entry[1] = bytes.length;
      entry[1 + MAX_NUMBERS] = at;
      entry[2 + MAX_NUMBERS] = staging;
    }, false);
    this.#leave(staging);
  }

  read<T extends BackendArray>(buffer: number, offset: number, into: T): T | Promise<T> {
    const at = this.#placeIn(buffer, offset, into.byteLength);
    const copyFrom = (place: number) => {
      const target = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
      target.set(new Uint8Array(this.#memory.buffer, place, into.byteLength));
      return into;
    };
    if (this.#isIdle) {
      this.#complain();
      return copyFrom(at);
    }
    // Set aside in the order of the calls: by the time that the message is served, later ones may have changed the buffer.
    const aside = this.#blocks.take(into.byteLength);
    this.#put((entry) => {
      entry[0] = MOVE_BYTES;
      entry[1] = into.byteLength;
      entry[1 + MAX_NUMBERS] = aside;
      entry[2 + MAX_NUMBERS] = at;
    }, false);
    const id = this.#nextRead;
    this.#nextRead = id === 2 ** 30 ? 1 : id + 1;
    this.#workers[0]?.hold(true);
    const settled = new Promise<void>((resolve) => this.#waiting.set(id, resolve));
    this.#put((entry) => {
      entry[0] = SIGNAL;
      entry[1] = id;
    }, false);
    return settled.then(() => {
      copyFrom(aside);
      this.#blocks.give(aside);
      this.#complain();
      return into;
    });
  }

  async close(): Promise<void> {
    const workers = this.#workers;
    if (workers.length === 0) return;
    this.#put((entry) => {
      entry[0] = STOP;
    }, false);
    this.#workers = [];
    await Promise.all(workers.map((worker) => worker.stop()));
  }

  /** A worker has a JavaScript of its own. */
  get overhead(): number {
    return this.#workers.length * 11e6 + this.threads * STACK;
  }

  get #isIdle(): boolean {
    return this.#workers.length === 0 || Atomics.load(this.#words(), DONE) === this.#submitted;
  }

  /** Writes an entry and has it made: here, or by the driver. */
  #put(fill: (entry: Float64Array) => void, small: boolean): void {
    const { ring_offset, ring_entries, entry_bytes, make_entry } = this.#exports;
    const length = entry_bytes() / 8;
    if (this.#workers.length === 0 || (small && this.#isIdle)) {
      const entry = new Float64Array(this.#memory.buffer, this.#ownEntry, length).fill(0);
      fill(entry);
      make_entry(this.#shared, this.#ownEntry);
      return;
    }
    const words = this.#words();
    // A ring that is full empties within a call's time.
    while (this.#submitted - Atomics.load(words, DONE) >= ring_entries());
    const at = this.#shared + ring_offset() + (this.#submitted % ring_entries()) * entry_bytes();
    const entry = new Float64Array(this.#memory.buffer, at, length).fill(0);
    fill(entry);
    this.#submitted++;
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

  /** Throws the problem that a call met, if one did. */
  #complain(): void {
    const text = new Uint8Array(this.#memory.buffer, this.#shared + PROBLEM.at, PROBLEM.bytes);
    if (text[0] === 0) return;
    const problem = new TextDecoder().decode(text.slice(0, text.indexOf(0)));
    text.fill(0);
    throw new Error(`the WebAssembly engine refused a call: ${problem}`);
  }

  #takeZeroed(bytes: number): number {
    const at = this.#blocks.take(bytes);
    new Uint8Array(this.#memory.buffer, at, this.#blocks.sizeAt(at)).fill(0);
    return at;
  }

  /** Gives a block back after everything that was submitted. */
  #leave(at: number): void {
    this.#leaving.push({ at, after: this.#submitted });
    this.#giveBack();
  }

  #giveBack(): void {
    const done = this.#isIdle ? Number.POSITIVE_INFINITY : Atomics.load(this.#words(), DONE);
    for (const { at, after } of this.#leaving) if (after <= done) this.#blocks.give(at);
    this.#leaving = this.#leaving.filter(({ after }) => after > done);
  }

  #reach(end: number): void {
    const missing = Math.ceil(end / PAGE) - this.#memory.buffer.byteLength / PAGE;
    if (missing <= 0) return;
    try {
      this.#memory.grow(missing);
    } catch (error) {
      throw new MemoryError(
        `there is no memory for ${formatBytes(missing * PAGE)} more (WebAssembly has 4 GB)`,
        {
          cause: error,
        },
      );
    }
  }
}
