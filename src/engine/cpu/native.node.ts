/** The kernels as a native add-on, where one was built or installed for this machine. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { MemoryError, UnsupportedError } from '../../errors.ts';
import { cacheDir } from '../../util/cache-dir.node.ts';
import { formatBytes } from '../../util/format-number.ts';
import { availableProcessors } from '../../util/processors.node.ts';
import type { Backend, BackendArray } from './backend.ts';

/** What native/addon/addon.cc exports. */
interface Addon {
  variants(): string[];
  create(variant: string, threads: number): object;
  allocate(engine: object, bytes: number): number;
  release(engine: object, buffer: number): void;
  submit(engine: object, mailbox: Float64Array, small: boolean): void;
  write(engine: object, buffer: number, offset: number, values: BackendArray): void;
  read<T extends BackendArray>(engine: object, buffer: number, offset: number, into: T): T | Promise<T>;
  problem(engine: object): string;
  close(engine: object): void;
}

const INSTRUCTION_NAMES: Readonly<Record<string, string>> = { avx512: 'AVX-512', avx2: 'AVX2', neon: 'NEON' };

/** Where the add-on may be: built in this folder, in the optional package of this platform, built in the user's cache. */
const places = () => [
  process.env.CHAR_RNN_ADDON,
  '../../../build/native/char-rnn.node',
  `@char-rnn-ts/native-${process.platform}-${process.arch}`,
  join(cacheDir(), 'native', 'char-rnn.node'),
];

let loaded: Addon | undefined;

function loadAddon(): Addon {
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  const failures: unknown[] = [];
  for (const place of places()) {
    if (!place) continue;
    try {
      loaded = require(place) as Addon;
      return loaded;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new UnsupportedError(
    'the native engine is not installed here. With a C++ compiler: char-rnn build-native.',
    { cause: new AggregateError(failures) },
  );
}

/**
 * The add-on's engine.
 *
 * @param variant An instruction set of `nativeVariants`; the fastest where absent.
 * @throws {UnsupportedError} without the add-on, or where the machine lacks the instruction set
 */
export function nativeBackend(
  settings: { readonly variant?: string | undefined; readonly threads?: number | undefined } = {},
): Backend {
  const addon = loadAddon();
  const variants = addon.variants();
  const variant = settings.variant ?? variants[0];
  if (variant === undefined || !variants.includes(variant)) {
    throw new UnsupportedError(
      `this machine lacks ${variant ?? 'every instruction set of the native engine'}; it has ${variants.join(', ') || 'none'}`,
    );
  }
  const threads = settings.threads ?? availableProcessors();
  return new NativeBackend(addon, variant, threads);
}

/** The instruction sets that this machine has kernels for, the fastest first; none without the add-on. */
export function nativeVariants(): readonly string[] {
  try {
    return loadAddon().variants();
  } catch (error) {
    if (error instanceof UnsupportedError) return [];
    throw error;
  }
}

class NativeBackend implements Backend {
  readonly name = 'native';
  readonly instructions: string;
  readonly threads: number;
  readonly overhead = 1e6;
  readonly #addon: Addon;
  readonly #engine: object;

  constructor(addon: Addon, variant: string, threads: number) {
    this.#addon = addon;
    this.#engine = addon.create(variant, threads);
    this.instructions = INSTRUCTION_NAMES[variant] ?? variant;
    this.threads = threads;
  }

  allocate(bytes: number): number {
    const buffer = this.#addon.allocate(this.#engine, bytes);
    if (buffer === 0) throw new MemoryError(`there is no memory for ${formatBytes(bytes)} more`);
    return buffer;
  }

  release(buffer: number): void {
    this.#addon.release(this.#engine, buffer);
  }

  submit(mailbox: Float64Array, small: boolean): void {
    this.#addon.submit(this.#engine, mailbox, small);
  }

  write(buffer: number, offset: number, values: BackendArray): void {
    this.#addon.write(this.#engine, buffer, offset, values);
  }

  read<T extends BackendArray>(buffer: number, offset: number, into: T): T | Promise<T> {
    const result = this.#addon.read(this.#engine, buffer, offset, into);
    if (result instanceof Promise) return result.then((array) => this.#sound(array));
    return this.#sound(result);
  }

  /** Passes the array on unless a call has failed since the last read. */
  #sound<T>(array: T): T {
    const problem = this.#addon.problem(this.#engine);
    if (problem) throw new Error(`the native engine refused a call: ${problem}`);
    return array;
  }

  async close(): Promise<void> {
    this.#addon.close(this.#engine);
  }
}
