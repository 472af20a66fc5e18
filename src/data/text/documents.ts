/**
 * Splits a text into documents. Each ends with the separator, which stays part of the text (docs/decisions/documents.md).
 */
import { joinBytes } from '../../util/bytes.ts';
import { isContinuation } from '../../util/utf8.ts';
import { endsLinesInCr, lineEndForms, stringEndsLinesInCr } from '../encoding/line-ends.ts';

/** Consecutive bytes of a text: whole characters, unless symbols are bytes. */
export interface TextPart {
  readonly bytes: Uint8Array;
  /** Offset of the first byte in its file. */
  readonly offset: number;
  /** Whether a document ends with this part. The last part of a text always ends a document. */
  readonly endsDocument: boolean;
}

/** Splits a text in memory. A line end in the separator matches every kind of line end. */
export function cutDocuments<T extends string | Uint8Array>(content: T, separator: string | undefined): T[] {
  if (separator === undefined) return [content];
  const forms = formsFor(content, separator);
  const finder =
    typeof content === 'string'
      ? new SeparatorFinder(forms, (form, from) => content.indexOf(form, from))
      : new SeparatorFinder(inUtf8(forms), (form, from) => findBytes(content, form, from));
  const documents: T[] = [];
  let start = 0;
  for (let end = finder.endOfNext(0); end >= 0; end = finder.endOfNext(start)) {
    documents.push(content.slice(start, end) as T);
    start = end;
  }
  if (start < content.length) documents.push(content.slice(start) as T);
  return documents;
}

/** Whether a text ends with the separator, with any kind of line end. */
export function endsWithSeparator(content: string | Uint8Array, separator: string): boolean {
  const forms = formsFor(content, separator);
  if (typeof content === 'string') return forms.some((form) => content.endsWith(form));
  return inUtf8(forms).some((form) => findBytes(content.subarray(-form.length), form, 0) === 0);
}

function formsFor(content: string | Uint8Array, separator: string): string[] {
  const withCr = typeof content === 'string' ? stringEndsLinesInCr(content) : endsLinesInCr(content);
  return lineEndForms(separator, withCr);
}

function inUtf8(texts: readonly string[]): Uint8Array[] {
  return texts.map((text) => new TextEncoder().encode(text));
}

/** Finds the next of several forms of a separator. Remembers where each occurs next, so that no part of a text is searched twice. */
class SeparatorFinder<T extends string | Uint8Array> {
  readonly #find: (form: T, from: number) => number;
  readonly #next: { readonly form: T; at: number }[];

  constructor(forms: readonly T[], find: (form: T, from: number) => number) {
    this.#find = find;
    // −2: not searched yet.
    this.#next = forms.map((form) => ({ form, at: -2 }));
  }

  /** The end of the first separator that begins at `from` or later; −1 if there is none. `from` must not decrease. */
  endOfNext(from: number): number {
    let best: { readonly form: T; at: number } | undefined;
    for (const next of this.#next) {
      if (next.at !== -1 && next.at < from) next.at = this.#find(next.form, from);
      if (next.at < 0) continue;
      const isFirst = !best || next.at < best.at;
      if (isFirst || (next.at === best?.at && next.form.length > best.form.length)) best = next;
    }
    return best ? best.at + best.form.length : -1;
  }
}

/** Splits a file into parts, block by block. Blocks may end anywhere. */
export class DocumentCutter {
  readonly #separator: string | undefined;
  /** The separator with each kind of line end, in UTF-8. */
  #forms: readonly Uint8Array[] = [];
  readonly #wholeCharacters: boolean;
  /** Bytes that may be the start of a separator or a character. */
  #held: Uint8Array = new Uint8Array();
  /** Offset of the next part in the file. */
  #offset = 0;

  constructor(separator: string | undefined, { wholeCharacters }: { readonly wholeCharacters: boolean }) {
    this.#separator = separator;
    this.#wholeCharacters = wholeCharacters;
  }

  /**
   * Begins a file.
   *
   * @param offset Length of its byte order mark.
   * @param start Its first bytes, which show whether its lines end in CR alone.
   */
  begin(offset: number, start: Uint8Array): void {
    if (this.#separator !== undefined)
      this.#forms = inUtf8(lineEndForms(this.#separator, endsLinesInCr(start)));
    this.#held = new Uint8Array();
    this.#offset = offset;
  }

  /**
   * The parts that no later block can change. They are valid until the block is overwritten.
   *
   * @param isLast Whether the file ends with this block. If so, nothing is held back.
   */
  *push(block: Uint8Array, isLast: boolean): Generator<TextPart, void, void> {
    const bytes = this.#held.length === 0 ? block : joinBytes([this.#held, block]);
    let start = 0;
    const finder = new SeparatorFinder(this.#forms, (form, from) => findBytes(bytes, form, from));
    for (let end = finder.endOfNext(0); end >= 0; end = finder.endOfNext(start)) {
      yield this.#part(bytes.subarray(start, end), true);
      start = end;
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

  /** Number of bytes whose division into parts no later byte can change. */
  #certain(bytes: Uint8Array): number {
    const longest = this.#forms.reduce((most, { length }) => Math.max(most, length), 1);
    const end = bytes.length - (longest - 1);
    return this.#wholeCharacters ? characterStart(bytes, Math.max(0, end)) : Math.max(0, end);
  }
}

/** The largest index up to `end` that does not divide a UTF-8 character; `end` itself if the bytes are not UTF-8. */
function characterStart(bytes: Uint8Array, end: number): number {
  for (let back = 1; back <= 4 && back <= end; back++) {
    const byte = bytes[end - back] as number;
    if (isContinuation(byte)) continue;
    const length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return length > back ? end - back : end;
  }
  return end;
}

/** The first index, from `from` on, at which the wanted bytes occur; −1 if there is none. */
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
