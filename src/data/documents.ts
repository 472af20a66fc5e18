/**
 * Documents within a text: what ends with the separator. The separator stays in the text, as the end of its document
 * (docs/decisions/documents.md).
 */

/** Bytes of a text in order; whole characters where symbols are characters. */
export interface TextPart {
  readonly bytes: Uint8Array;
  /** Place of the first byte in its file. */
  readonly offset: number;
  /** Whether the document ends with this part. The last part of a text ends the last document. */
  readonly endsDocument: boolean;
}

/** The documents of a text that is in memory. */
export function cutDocuments<T extends string | Uint8Array>(content: T, separator: string | undefined): T[] {
  if (separator === undefined) return [content];
  const wanted = typeof content === 'string' ? separator : new TextEncoder().encode(separator);
  const find = (from: number) =>
    typeof content === 'string'
      ? content.indexOf(separator, from)
      : findBytes(content, wanted as Uint8Array, from);
  const documents: T[] = [];
  let start = 0;
  for (let at = find(0); at >= 0; at = find(start)) {
    documents.push(content.slice(start, at + wanted.length) as T);
    start = at + wanted.length;
  }
  if (start < content.length) documents.push(content.slice(start) as T);
  return documents;
}

/** Cuts the blocks of a file, wherever they end, into parts. */
export class DocumentCutter {
  readonly #separator: Uint8Array | undefined;
  readonly #wholeCharacters: boolean;
  /** What the next block may complete: the start of a separator, of a character. */
  #held: Uint8Array = new Uint8Array();
  /** Place of the first byte that was not yet given. */
  #offset = 0;

  constructor(separator: string | undefined, { wholeCharacters }: { readonly wholeCharacters: boolean }) {
    this.#separator = separator === undefined ? undefined : new TextEncoder().encode(separator);
    this.#wholeCharacters = wholeCharacters;
  }

  /** Begins a file at an offset: past its byte order mark. */
  begin(offset: number): void {
    this.#held = new Uint8Array();
    this.#offset = offset;
  }

  /**
   * The parts that are certain after a block. They are valid until the block is overwritten.
   *
   * @param isLast Whether the file ends with the block; then nothing is held back.
   */
  *push(block: Uint8Array, isLast: boolean): Generator<TextPart, void, void> {
    const bytes = this.#held.length === 0 ? block : joined(this.#held, block);
    let start = 0;
    if (this.#separator) {
      const { length } = this.#separator;
      for (let at = findBytes(bytes, this.#separator, 0); at >= 0; ) {
        yield this.#part(bytes.subarray(start, at + length), true);
        start = at + length;
        at = findBytes(bytes, this.#separator, start);
      }
    }
    const end = isLast ? bytes.length : Math.max(start, this.#certain(bytes));
    if (end > start) yield this.#part(bytes.subarray(start, end), false);
    this.#held = bytes.slice(end);
  }

  #part(bytes: Uint8Array, endsDocument: boolean): TextPart {
    const offset = this.#offset;
    this.#offset += bytes.length;
    return { bytes, offset, endsDocument };
  }

  /** The length of what no later byte can change. */
  #certain(bytes: Uint8Array): number {
    const end = bytes.length - (this.#separator ? this.#separator.length - 1 : 0);
    return this.#wholeCharacters ? characterStart(bytes, Math.max(0, end)) : Math.max(0, end);
  }
}

/** The largest index up to `end` at which no character of UTF-8 is cut; `end` itself in what is no UTF-8. */
function characterStart(bytes: Uint8Array, end: number): number {
  for (let back = 1; back <= 4 && back <= end; back++) {
    const byte = bytes[end - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return length > back ? end - back : end;
  }
  return end;
}

/** The first index from `from` on at which the bytes stand; −1 for nowhere. */
export function findBytes(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  const first = wanted[0] as number;
  const last = bytes.length - wanted.length;
  for (let at = bytes.indexOf(first, from); at >= 0 && at <= last; at = bytes.indexOf(first, at + 1)) {
    let same = 1;
    while (same < wanted.length && bytes[at + same] === wanted[same]) same++;
    if (same === wanted.length) return at;
  }
  return -1;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
