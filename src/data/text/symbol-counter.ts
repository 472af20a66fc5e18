/** The first pass over a text: checks that it is text, and counts its symbols. */
import { formatCount } from '../../util/format.ts';
import { isContinuation } from '../../util/utf8.ts';
import { binaryText, lineEndNotices, markLength, markNotice, NotUtf8 } from '../encoding/decode.ts';
import { encodingNotices } from '../encoding/encoding-notices.ts';
import { endsLinesInCr } from '../encoding/line-ends.ts';
import type { FoundEncoding } from '../encoding/reading.ts';
import { GraphemeSplitter } from '../symbols/grapheme-splitter.ts';
import { checkHeld, PartDecoder } from '../symbols/part-decoder.ts';
import type { Normalization, TokenKind } from '../vocabulary.ts';
import type { TextPart } from './documents.ts';
import { TextKernel } from './text-kernel.ts';

export interface CountOptions {
  readonly tokens: TokenKind;
  readonly normalize: Normalization;
}

/** Counts the symbols of strings. */
interface StringCounter {
  add(text: string, end: boolean, name: string): void;
  counts(): ReadonlyMap<string, number>;
}

const NUL = 0;
const LF = 0x0a;
const CR = 0x0d;

export class SymbolCounter {
  readonly #kernel: TextKernel;
  readonly #options: CountOptions;
  /** For symbols that the kernel can't count: graphemes and normalised characters. */
  readonly #strings: { readonly text: PartDecoder; readonly counter: StringCounter } | undefined;
  #name = '';
  #afterCarriageReturn = false;
  readonly #found: { readonly name: string; readonly found: FoundEncoding }[] = [];
  #marks = 0;
  #lineEnds = 0;
  /** Whether lines of a file end in CR alone. */
  #hasCrFiles = false;
  #bytes = 0;

  private constructor(kernel: TextKernel, options: CountOptions, counter: StringCounter | undefined) {
    this.#kernel = kernel;
    this.#options = options;
    this.#strings = counter && { text: new PartDecoder(options.normalize), counter };
  }

  static async make(options: CountOptions): Promise<SymbolCounter> {
    const normalized = options.tokens === 'character' && options.normalize === 'nfc';
    const counter =
      options.tokens === 'grapheme'
        ? new GraphemeCounter()
        : normalized
          ? new CharacterCounter(await TextKernel.make())
          : undefined;
    return new SymbolCounter(await TextKernel.make(), options, counter);
  }

  /** Bytes of text so far, without byte order marks. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Begins a file.
   *
   * @param start Its first bytes: at least four unless it is shorter.
   * @param found Its detected encoding.
   * @returns the length of its byte order mark
   */
  beginFile(name: string, start: Uint8Array, found?: FoundEncoding): number {
    this.#name = name;
    this.#afterCarriageReturn = false;
    if (this.#options.tokens === 'byte') return 0;
    if (found) this.#found.push({ name, found });
    this.#hasCrFiles ||= endsLinesInCr(start);
    const mark = markLength(start);
    if (mark > 0) this.#marks++;
    return mark;
  }

  /** @throws {TextError} `text-binary`, `text-not-utf8`, `text-unreadable` */
  add(part: TextPart): void {
    const { bytes } = part;
    this.#bytes += bytes.length;
    if (this.#options.tokens === 'byte') {
      this.#kernel.count(bytes, 'byte');
      return;
    }
    const carriageReturns = this.#kernel.countOf(CR);
    const { consumed, stop } = this.#kernel.count(bytes, 'character');
    if (this.#kernel.countOf(NUL) > 0) throw binaryText(this.#name, part.offset + bytes.indexOf(NUL));
    if (stop === 'invalid') throw new NotUtf8(this.#name, part.offset + consumed, bytes[consumed] as number);
    if (this.#afterCarriageReturn && bytes[0] === LF) this.#lineEnds++;
    if (this.#kernel.countOf(CR) > carriageReturns) this.#lineEnds += this.#kernel.lineEnds(bytes.length);
    if (bytes.length > 0) this.#afterCarriageReturn = bytes[bytes.length - 1] === CR;
    if (!this.#strings) return;
    const { text, counter } = this.#strings;
    counter.add(text.push(part, this.#name), part.endsDocument, this.#name);
  }

  /** How often each symbol occurred. Must be the last call. */
  finish(): ReadonlyMap<string, number> {
    const counts = this.#strings?.counter.counts() ?? kernelCounts(this.#kernel);
    this.#kernel.release();
    return counts;
  }

  /** One line for each notable fact. */
  notices(name: string, files: number): string[] {
    const notices = encodingNotices(this.#found);
    if (this.#marks > 0) {
      notices.push(
        files === 1 ? markNotice(name) : `${markNotice(name)} (${formatCount(this.#marks)} of its files)`,
      );
    }
    const cr = this.#hasCrFiles ? this.#kernel.countOf(CR) - this.#lineEnds : 0;
    return [...notices, ...lineEndNotices(name, { crlf: this.#lineEnds, cr })];
  }
}

function kernelCounts(kernel: TextKernel): Map<string, number> {
  return new Map(
    Array.from(kernel.counts(), ([symbol, count]) => [String.fromCodePoint(symbol), count] as const),
  );
}

/** Counts normalised characters. */
class CharacterCounter implements StringCounter {
  readonly #kernel: TextKernel;
  readonly #encoder = new TextEncoder();

  constructor(kernel: TextKernel) {
    this.#kernel = kernel;
  }

  add(text: string): void {
    for (const block of blocksOf(this.#encoder.encode(text), this.#kernel.blockBytes)) {
      this.#kernel.count(block, 'character');
    }
  }

  counts(): ReadonlyMap<string, number> {
    return kernelCounts(this.#kernel);
  }
}

class GraphemeCounter implements StringCounter {
  readonly #simple = new Float64Array(0x10000);
  readonly #clusters = new Map<string, number>();
  readonly #splitter = new GraphemeSplitter({
    simple: (unit) => {
      (this.#simple[unit] as number)++;
    },
    cluster: (cluster) => {
      this.#clusters.set(cluster, (this.#clusters.get(cluster) ?? 0) + 1);
    },
  });

  add(text: string, end: boolean, name: string): void {
    this.#splitter.push(text, end);
    checkHeld(this.#splitter.held, name);
  }

  counts(): ReadonlyMap<string, number> {
    const counts = new Map(this.#clusters);
    this.#simple.forEach((count, unit) => {
      const symbol = String.fromCharCode(unit);
      if (count > 0) counts.set(symbol, (counts.get(symbol) ?? 0) + count);
    });
    return counts;
  }
}

/** Divides bytes of UTF-8 into blocks of at most `size` bytes without dividing a character. */
export function* blocksOf(bytes: Uint8Array, size: number): Generator<Uint8Array, void, void> {
  let start = 0;
  while (bytes.length - start > size) {
    let end = start + size;
    while (isContinuation(bytes[end] as number)) end--;
    yield bytes.subarray(start, end);
    start = end;
  }
  if (start < bytes.length) yield bytes.subarray(start);
}
