/** The backend of the native add-on, if it was built or installed. */
import { AddonError, MemoryError, UnsupportedError } from '../../errors.ts';
import { formatBytes } from '../../util/format.ts';
import { availableProcessors } from '../../util/machine.node.ts';
import type { Compute } from '../engine.ts';
import { type Addon, loadAddon } from './addon.node.ts';
import type { Backend, BackendArray } from './backend.ts';

const INSTRUCTION_NAMES: Readonly<Record<string, string>> = {
  ...{
    avx512amx: 'AVX-512 with AMX',
    avx512bf16: 'AVX-512 with BF16',
    avx512: 'AVX-512',
    avx2: 'AVX2',
    neon: 'NEON',
  },
};

/** What each instruction set has an instruction for. */
const BFLOAT16_INSTRUCTIONS: Readonly<Record<string, readonly Compute[]>> = {
  avx512amx: ['bfloat16-amx'],
  avx512bf16: ['bfloat16'],
};

/**
 * The native backend.
 *
 * @param settings `variant`: an instruction set of `nativeVariants`, by default the fastest; `threads`: by default all processors;
 *   `plainInt8`: see `Backend`.
 * @throws {AddonError} without an add-on that works here
 * @throws {UnsupportedError} if the machine lacks the instruction set
 */
export function nativeBackend(
  settings: {
    readonly variant?: string | undefined;
    readonly threads?: number | undefined;
    readonly plainInt8?: boolean;
  } = {},
): NativeBackend {
  const addon = loadAddon();
  const variants = addon.variants();
  const variant = settings.variant ?? variants[0];
  if (variant === undefined || !variants.includes(variant)) {
    throw new UnsupportedError(
      `this machine lacks ${variant ?? 'every instruction set of the native engine'}; it has ${variants.join(', ') || 'none'}.`,
    );
  }
  const threads = settings.threads ?? availableProcessors();
  return new NativeBackend(addon, variant, threads, settings.plainInt8);
}

/** The instruction sets of this machine that the add-on has kernels for, the fastest first; none without the add-on. */
export function nativeVariants(): readonly string[] {
  try {
    return loadAddon().variants();
  } catch (error) {
    if (error instanceof AddonError) return [];
    throw error;
  }
}

/** The ways to compute in bfloat16 for which the fastest instruction set of this machine has an instruction. */
export function fastBfloat16(): readonly Compute[] {
  return BFLOAT16_INSTRUCTIONS[nativeVariants()[0] ?? ''] ?? [];
}

/** Why the native engine does not work here; undefined if it does. */
export function nativeProblem(): UnsupportedError | undefined {
  try {
    const works = loadAddon().variants().length > 0;
    return works ? undefined : new UnsupportedError('the native engine has no kernels for this processor.');
  } catch (error) {
    if (error instanceof AddonError) return error;
    throw error;
  }
}

export class NativeBackend implements Backend {
  readonly name = 'native';
  readonly instructions: string;
  readonly threads: number;
  readonly exactBits = true;
  readonly bfloat16 = true;
  /** The ways to compute in bfloat16 that use an instruction of the processor. The others have the same bits without it. */
  readonly notEmulated: readonly Compute[];
  readonly overhead = 1e6;
  readonly plainInt8: boolean;
  readonly #addon: Addon;
  readonly #engine: object;

  constructor(addon: Addon, variant: string, threads: number, plainInt8 = false) {
    this.#addon = addon;
    this.plainInt8 = plainInt8;
    try {
      this.#engine = addon.create(variant, threads);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new UnsupportedError(`the native engine cannot start: ${reason}.`, { cause: error });
    }
    this.instructions = INSTRUCTION_NAMES[variant] ?? variant;
    this.notEmulated = BFLOAT16_INSTRUCTIONS[variant] ?? [];
    this.threads = addon.threads(this.#engine);
  }

  allocate(bytes: number): number {
    const buffer = this.#addon.allocate(this.#engine, bytes);
    if (buffer === 0) throw new MemoryError(`there is not enough memory for another ${formatBytes(bytes)}`);
    return buffer;
  }

  release(buffer: number): void {
    this.#addon.release(this.#engine, buffer);
  }

  submit(command: Float64Array, small: boolean): void {
    this.#addon.submit(this.#engine, command, small);
  }

  write(buffer: number, offset: number, values: BackendArray): void {
    this.#addon.write(this.#engine, buffer, offset, values);
  }

  read<T extends BackendArray>(buffer: number, offset: number, into: T): T | Promise<T> {
    const result = this.#addon.read(this.#engine, buffer, offset, into);
    if (result instanceof Promise) return result.then((array) => this.#checked(array));
    return this.#checked(result);
  }

  /** Returns the array. Throws if a call has failed since the last read. */
  #checked<T>(array: T): T {
    const problem = this.#addon.problem(this.#engine);
    if (problem) throw new Error(`the native engine refused a call: ${problem}`);
    return array;
  }

  async close(): Promise<void> {
    this.#addon.close(this.#engine);
  }
}
