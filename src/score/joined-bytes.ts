/** Scored bytes joined into characters, so that a model over bytes can be shown as text. */
import { announcedLength, isContinuation } from '../util/utf8.ts';

export interface ScoredSymbols {
  readonly symbols: readonly string[];
  /** −log₂ p of each; NaN for one that nothing predicted. */
  readonly bits: readonly number[];
}

export class JoinedBytes {
  /** Bytes of a character that is not yet whole, with the bits of those that were predicted. */
  #held: number[] = [];
  #bits = Number.NaN;

  /** The characters that are whole now; bytes that are no UTF-8 become U+FFFD. @param symbols One a byte. */
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

  /** What is left of an unfinished character. */
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
