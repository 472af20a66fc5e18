/** Passes over the bytes of a text in WebAssembly (native/text/text.cpp): symbols counted, or turned into tokens. */

import { TEXT_KERNEL } from './text-kernel-binary.ts';
import { plainTextPasses, type TextPasses } from './text-kernel-fallback.ts';

/** Bytes, or characters of UTF-8. */
export type KernelSymbols = 'byte' | 'character';

/** Bytes that a token takes. */
export type TokenWidth = 1 | 2 | 4;

/** In the table of tokens: a symbol that has none. */
export const NO_TOKEN = 0xffffffff;

/** What stopped a pass before the end of what it was given. */
export type Stop = 'end' | 'full' | 'invalid' | 'unknown';
const STOPS: readonly Stop[] = ['end', 'full', 'invalid', 'unknown'];

export interface Pass {
  /** Bytes that were read. */
  readonly consumed: number;
  /** Symbols that were counted, or tokens that were written. */
  readonly produced: number;
  /** `invalid`: at `consumed` no valid UTF-8 begins. `unknown`: the symbol there has no token. */
  readonly stop: Stop;
  /** The symbol without a token: a byte's value or a code point. */
  readonly symbol: number;
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** Code points, and so entries of the tables. */
const SYMBOLS = 0x110000;

export class TextKernel {
  /** Most bytes of a call. */
  readonly blockBytes: number;
  /** Tokens that `output` holds. */
  readonly outputTokens: number;
  /** The tokens that were written, of whatever width. */
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

  /** @param isPlain Whether plain loops make the passes, as when WebAssembly or its memory is unavailable. */
  static async make(isPlain = typeof WebAssembly !== 'object'): Promise<TextKernel> {
    if (isPlain) return new TextKernel(plainTextPasses());
    compiled ??= WebAssembly.compile(Uint8Array.from(atob(TEXT_KERNEL), (char) => char.charCodeAt(0)));
    try {
      const { exports } = await WebAssembly.instantiate(await compiled);
      return new TextKernel(exports as unknown as TextPasses);
    } catch {
      return TextKernel.make(true);
    }
  }

  /** Counts the symbols of a block, in addition to those before. */
  count(block: Uint8Array, symbols: KernelSymbols): Pass {
    this.#input.set(block);
    if (symbols === 'byte') this.#exports.count_bytes(block.length);
    else this.#exports.count_characters(block.length);
    return this.#pass();
  }

  /** How often each symbol occurred that was counted since the kernel was made. */
  counts(): Map<number, number> {
    const counts = new Map<number, number>();
    for (let symbol = 0; symbol < SYMBOLS; symbol++) {
      const count = this.countOf(symbol);
      if (count > 0) counts.set(symbol, count);
    }
    return counts;
  }

  /** How often a symbol occurred. */
  countOf(symbol: number): number {
    const low = this.#counts[2 * symbol] as number;
    const high = this.#counts[2 * symbol + 1] as number;
    return high * 2 ** 32 + low;
  }

  /** Pairs of a carriage return and a line feed in the block that was counted last. */
  lineEnds(size: number): number {
    return this.#exports.count_line_ends(size);
  }

  /** Sets the token of each symbol; `missing` is that of all others. */
  setTokens(tokens: Iterable<readonly [symbol: number, token: number]>, missing: number = NO_TOKEN): void {
    this.#table.fill(missing);
    for (const [symbol, token] of tokens) this.#table[symbol] = token;
    this.#exports.fill_pairs();
  }

  /** Takes a block, of which `encode` then reads parts. */
  load(block: Uint8Array): void {
    this.#input.set(block);
  }

  /** Writes the tokens of bytes `from` to `to` − 1 of the block into `output`, from token `place` on. */
  encode(from: number, to: number, place: number, width: TokenWidth, symbols: KernelSymbols): Pass {
    this.#exports.encode_symbols(from, to, place, width, symbols === 'character' ? 1 : 0);
    return this.#pass();
  }

  #pass(): Pass {
    const [consumed = 0, produced = 0, stop = 0, symbol = 0] = this.#report;
    return { consumed, produced, stop: STOPS[stop] as Stop, symbol };
  }
}
