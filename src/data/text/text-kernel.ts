/** Counts and encodes the symbols of a text in WebAssembly (native/text/text.cpp). */

import { TEXT_KERNEL } from './text-kernel-binary.ts';
import { plainTextPasses, type TextPasses } from './text-kernel-fallback.ts';

/** Bytes, or characters of UTF-8. */
export type KernelSymbols = 'byte' | 'character';

/** Bytes per token. */
export type TokenWidth = 1 | 2 | 4;

/** Marks a symbol without a token in the table. */
export const NO_TOKEN = 0xffffffff;

/** Why a call returned: at the end of its input, when the output was full, or at an invalid byte or unknown symbol. */
export type Stop = 'end' | 'full' | 'invalid' | 'unknown';
const STOPS: readonly Stop[] = ['end', 'full', 'invalid', 'unknown'];

export interface Pass {
  /** Bytes read. */
  readonly consumed: number;
  /** Symbols counted, or tokens written. */
  readonly produced: number;
  /** `invalid`: the bytes at `consumed` are not valid UTF-8. `unknown`: the symbol there has no token. */
  readonly stop: Stop;
  /** The symbol without a token: a byte's value or a code point. */
  readonly symbol: number;
}

let compiled: Promise<WebAssembly.Module> | undefined;
/** A kernel that is not in use. Each has 15 MB of memory, so the passes over a text, and the next text, use the same one. */
let idle: TextKernel | undefined;

/** Number of code points, and of entries in the tables. */
const SYMBOLS = 0x110000;
/** The table of tokens has this many entries or more: those of bytes and of characters of one or two bytes. */
const MIN_TABLE_END = 0x800;

export class TextKernel {
  /** Maximum bytes per call. */
  readonly blockBytes: number;
  /** Maximum number of tokens in `output`. */
  readonly outputTokens: number;
  /** The tokens written by `encode`. */
  readonly output: Uint8Array;
  readonly #exports: TextPasses;
  readonly #input: Uint8Array;
  readonly #counts: Uint32Array;
  readonly #table: Uint32Array;
  readonly #report: Uint32Array;

  private constructor(exports: TextPasses) {
    const { buffer } = exports.memory;
    this.#exports = exports;
    this.blockBytes = exports.input_size();
    this.outputTokens = exports.output_tokens();
    this.#input = new Uint8Array(buffer, exports.input_at(), this.blockBytes);
    this.#counts = new Uint32Array(buffer, exports.counts_at(), SYMBOLS * 2);
    this.#table = new Uint32Array(buffer, exports.table_at(), SYMBOLS);
    this.#report = new Uint32Array(buffer, exports.report_at(), 4);
    this.output = new Uint8Array(buffer, exports.output_at(), this.outputTokens * 4);
  }

  /** @param isPlain Whether to use JavaScript instead of WebAssembly. It is also used if WebAssembly or its memory is unavailable. */
  static async make(isPlain = typeof WebAssembly !== 'object'): Promise<TextKernel> {
    if (isPlain) return new TextKernel(plainTextPasses());
    if (idle) {
      const kernel = idle;
      idle = undefined;
      return kernel;
    }
    compiled ??= WebAssembly.compile(Uint8Array.from(atob(TEXT_KERNEL), (char) => char.charCodeAt(0)));
    try {
      const { exports } = await WebAssembly.instantiate(await compiled);
      return new TextKernel(exports as unknown as TextPasses);
    } catch {
      return TextKernel.make(true);
    }
  }

  /** Counts the symbols of a block, adding to earlier counts. */
  count(block: Uint8Array, symbols: KernelSymbols): Pass {
    this.#input.set(block);
    if (symbols === 'byte') this.#exports.count_bytes(block.length);
    else this.#exports.count_characters(block.length);
    return this.#pass();
  }

  /** How often each symbol has been counted; only symbols that occurred. */
  counts(): Map<number, number> {
    const counts = new Map<number, number>();
    const end = this.#exports.counts_end();
    for (let symbol = 0; symbol < end; symbol++) {
      const count = this.countOf(symbol);
      if (count > 0) counts.set(symbol, count);
    }
    return counts;
  }

  /** How often a symbol has been counted. */
  countOf(symbol: number): number {
    const low = this.#counts[2 * symbol] as number;
    const high = this.#counts[2 * symbol + 1] as number;
    return high * 2 ** 32 + low;
  }

  /** Number of CRLF pairs in the block that was counted last. */
  lineEnds(size: number): number {
    return this.#exports.count_line_ends(size);
  }

  /** Sets the token of each symbol, and `missing` for all other symbols. */
  setTokens(tokens: Iterable<readonly [symbol: number, token: number]>, missing: number = NO_TOKEN): void {
    // The table is 4 MB. Only its start, up to the last symbol of the text, is written, so the rest takes neither time nor memory.
    let end = MIN_TABLE_END;
    const all = [...tokens];
    for (const [symbol] of all) end = Math.max(end, symbol + 1);
    this.#table.fill(missing, 0, end);
    for (const [symbol, token] of all) this.#table[symbol] = token;
    this.#exports.end_table(end, missing);
  }

  /** Loads a block for `encode`. */
  load(block: Uint8Array): void {
    this.#input.set(block);
  }

  /** Encodes bytes `from` to `to` − 1 of the block and writes the tokens to `output`, starting at `outputIndex`. */
  encode(from: number, to: number, outputIndex: number, width: TokenWidth, symbols: KernelSymbols): Pass {
    this.#exports.encode_symbols(from, to, outputIndex, width, symbols === 'character' ? 1 : 0);
    return this.#pass();
  }

  /** Makes the kernel available to `make`. The caller must not use it afterwards. */
  release(): void {
    this.#counts.fill(0, 0, 2 * this.#exports.counts_end());
    idle = this;
  }

  #pass(): Pass {
    const [consumed = 0, produced = 0, stop = 0, symbol = 0] = this.#report;
    return { consumed, produced, stop: STOPS[stop] as Stop, symbol };
  }
}
