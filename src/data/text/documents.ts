/**
 * Documents within a text: what ends with the separator. The separator stays in the text, as the end of its document
 * (docs/decisions/documents.md).
 */
import { joinBytes } from '../../util/bytes.ts';
import { endsLinesInCr, lineEndForms, stringEndsLinesInCr } from '../encoding/line-ends.ts';

/** Bytes of a text in order; whole characters where symbols are characters. */
export interface TextPart {
  readonly bytes: Uint8Array;
  /** Place of the first byte in its file. */
  readonly offset: number;
  /** Whether the document ends with this part. The last part of a text ends the last document. */
  readonly endsDocument: boolean;
}

/** The documents of a text that is in memory. A line end in the separator stands for every kind of line end. */
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

/** Whether a text ends with a separator, in whatever line ends. */
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

/** Finds the first of several forms of a separator, without looking twice for one that is far or nowhere. */
class SeparatorFinder<T extends string | Uint8Array> {
  readonly #find: (form: T, from: number) => number;
  readonly #places: { readonly form: T; at: number }[];

  constructor(forms: readonly T[], find: (form: T, from: number) => number) {
    this.#find = find;
    // Found before the start: not looked for yet.
    this.#places = forms.map((form) => ({ form, at: -2 }));
  }

  /** The end of the first separator that begins at `from` or later; −1 where there is none. Calls go forward. */
  endOfNext(from: number): number {
    let best: { readonly form: T; at: number } | undefined;
    for (const place of this.#places) {
      if (place.at !== -1 && place.at < from) place.at = this.#find(place.form, from);
      if (place.at < 0) continue;
      const isFirst = !best || place.at < best.at;
      if (isFirst || (place.at === best?.at && place.form.length > best.form.length)) best = place;
    }
    return best ? best.at + best.form.length : -1;
  }
}

/** Cuts the blocks of a file, wherever they end, into parts. */
export class DocumentCutter {
  readonly #separator: string | undefined;
  /** The forms of the separator in the file, in UTF-8. */
  #forms: readonly Uint8Array[] = [];
  readonly #wholeCharacters: boolean;
  /** What the next block may complete: the start of a separator, of a character. */
  #held: Uint8Array = new Uint8Array();
  /** Place of the first byte that was not yet given. */
  #offset = 0;

  constructor(separator: string | undefined, { wholeCharacters }: { readonly wholeCharacters: boolean }) {
    this.#separator = separator;
    this.#wholeCharacters = wholeCharacters;
  }

  /**
   * Begins a file at an offset: past its byte order mark.
   *
   * @param start The first bytes of the file, by which it is known whether its lines end in CR alone.
   */
  begin(offset: number, start: Uint8Array): void {
    if (this.#separator !== undefined)
      this.#forms = inUtf8(lineEndForms(this.#separator, endsLinesInCr(start)));
    this.#held = new Uint8Array();
    this.#offset = offset;
  }

  /**
   * The parts that are certain after a block. They are valid until the block is overwritten.
   *
   * @param isLast Whether the file ends with the block; then nothing is held back.
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

  /** The length of what no later byte can change. */
  #certain(bytes: Uint8Array): number {
    const longest = this.#forms.reduce((most, { length }) => Math.max(most, length), 1);
    const end = bytes.length - (longest - 1);
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
