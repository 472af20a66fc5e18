/** Splits a text into symbols: code points, bytes or grapheme clusters. */
import type { TokenKind } from '../vocabulary.ts';

/** A text to split: a string, or bytes if symbols are bytes. */
export type Content = string | Uint8Array;

/** The symbols of a text, in order. A byte is written as the character U+0000–U+00FF with its value. */
export function segment(content: Content, kind: TokenKind): Iterable<string> {
  if (kind === 'byte')
    return bytes(typeof content === 'string' ? new TextEncoder().encode(content) : content);
  const text =
    typeof content === 'string' ? content : new TextDecoder('utf-8', { ignoreBOM: true }).decode(content);
  return kind === 'grapheme' ? clustersOf(text) : text;
}

const BYTE_SYMBOLS = Array.from({ length: 256 }, (_, value) => String.fromCharCode(value));

function* bytes(content: Uint8Array): Generator<string, void, void> {
  for (const byte of content) yield BYTE_SYMBOLS[byte] as string;
}

/** Code units to pass to the segmenter at a time. On Node 20 its time grows faster than linearly. */
const PIECE = 512;

const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });

/**
 * Splits a string into grapheme clusters (UAX #29).
 *
 * The segmenter gets the text in pieces. The end of a cluster depends on the text after it, so the next piece begins with the last
 * cluster of the previous one. The text before a cluster does not matter.
 */
export function* clustersOf(text: string): Generator<string, void, void> {
  let start = 0;
  let length = PIECE;
  while (start < text.length) {
    const end = codePointStart(text, Math.min(start + length, text.length));
    let held: string | undefined;
    let at = start;
    for (const { segment: cluster } of segmenter.segment(text.slice(start, end))) {
      if (held !== undefined) {
        yield held;
        at += held.length;
      }
      held = cluster;
    }
    if (held !== undefined && end === text.length) {
      yield held;
      return;
    }
    // The cluster is longer than the piece: double the length, so that the work stays linear.
    length = at === start ? length * 2 : PIECE;
    start = at;
  }
}

/** The index, or the previous one if it would divide a surrogate pair. */
function codePointStart(text: string, index: number): number {
  const before = text.charCodeAt(index - 1);
  const after = text.charCodeAt(index);
  const inPair = before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
  return inPair ? index - 1 : index;
}
