/** Joins scored bytes into characters, so that the scores of a byte model can be shown as text. */
import { announcedLength, isContinuation } from '../util/utf8.ts';

export interface ScoredSymbols {
  readonly symbols: readonly string[];
  /** −log₂ p of each; NaN for a symbol that was not predicted. */
  readonly bits: readonly number[];
}

export class JoinedBytes {
  /** Bytes of an incomplete character, and the sum of the bits of those that were predicted. */
  #held: number[] = [];
  #bits = Number.NaN;

  /** Adds bytes, and returns the characters that are complete now. Bytes that are not UTF-8 become U+FFFD. @param symbols One per byte. */
  push({ symbols, bits }: ScoredSymbols): ScoredSymbols {
    const whole: { symbols: string[]; bits: number[] } = { symbols: [], bits: [] };
    symbols.forEach((symbol, index) => {
      const byte = symbol.charCodeAt(0);
      if (this.#held.length > 0 && !isContinuation(byte)) this.#flush(whole);
      this.#held.push(byte);
      const own = bits[index] as number;
      if (!Number.isNaN(own)) this.#bits = (Number.isNaN(this.#bits) ? 0 : this.#bits) + own;
      if (this.#held.length >= announcedLength(this.#held[0] as number)) this.#flush(whole);
    });
    return whole;
  }

  /** The rest: an incomplete character at the end. */
  end(): ScoredSymbols {
    const rest = { symbols: [], bits: [] };
    if (this.#held.length > 0) this.#flush(rest);
    return rest;
  }

  #flush(whole: { symbols: string[]; bits: number[] }): void {
    whole.symbols.push(new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(this.#held)));
    whole.bits.push(this.#bits);
    this.#held = [];
    this.#bits = Number.NaN;
  }
}
