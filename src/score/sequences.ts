/** Which characters of a text are scored, and from where: the sequences that each begin with a zero state. */
import type { TokenSource } from '../data/batches/batches.ts';

/**
 * A stretch of predictions: token `first` is read in the zero state, then each of the `count` tokens after it is predicted
 * and read.
 */
export interface Sequence {
  readonly first: number;
  readonly count: number;
}

/** Where a document stands in the tokens of a text: from `start` up to `end`. */
export interface DocumentRange {
  readonly start: number;
  readonly end: number;
}

/** Tokens that are read at once. */
const STRETCH = 65_536;

/** Where the documents of a text are; one, where none are told apart. */
export async function documentsOf(tokens: TokenSource): Promise<DocumentRange[]> {
  const { length } = tokens;
  if (!tokens.hasDocuments) return [{ start: 0, end: length }];
  const beginnings: number[] = [];
  const reader = tokens.reader();
  const stretch = new Int32Array(Math.min(STRETCH, length));
  const starts = new Uint8Array(stretch.length);
  for (let offset = 0; offset < length; offset += stretch.length) {
    const size = Math.min(stretch.length, length - offset);
    await reader.read(offset, stretch.subarray(0, size), starts.subarray(0, size));
    for (let i = 0; i < size; i++) if (starts[i] === 1 || offset + i === 0) beginnings.push(offset + i);
  }
  return beginnings.map((start, index) => ({ start, end: beginnings[index + 1] ?? length }));
}

/** Every token of a document but the first, once; a document of one token has nothing to predict. */
export function documentSequences(documents: readonly DocumentRange[]): Sequence[] {
  return documents.map(({ start, end }) => ({ first: start, count: Math.max(0, end - start - 1) }));
}

/**
 * Every token of a text but the first, once, as `rows` sequences of equal length, or one more.
 *
 * The last prediction of a row is the token that the next row reads first.
 */
export function rowSequences(tokens: number, rows: number): Sequence[] {
  const predictions = Math.max(0, tokens - 1);
  const count = Math.min(rows, Math.max(1, predictions));
  return Array.from({ length: count }, (_, row) => {
    const first = Math.floor((row * predictions) / count);
    return { first, count: Math.floor(((row + 1) * predictions) / count) - first };
  });
}
