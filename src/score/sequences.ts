/** Cuts a text into the sequences to score. Each begins with a zero state. */
import type { TokenSource } from '../data/batches/batches.ts';

/**
 * A sequence of predictions. Token `first` is read in the zero state; then each of the `count` tokens after it is predicted and read.
 */
export interface Sequence {
  readonly first: number;
  readonly count: number;
}

/** The tokens of a document in a text: from `start` to before `end`. */
export interface DocumentRange {
  readonly start: number;
  readonly end: number;
}

/** Number of documents that are scored in parallel. */
const PARALLEL_DOCUMENTS = 50;

/** Tokens read at a time. */
const BLOCK_TOKENS = 65_536;

/** The documents of a text; a text without document boundaries is one document. */
export async function documentsOf(tokens: TokenSource): Promise<DocumentRange[]> {
  const { length } = tokens;
  if (!tokens.hasDocuments) return [{ start: 0, end: length }];
  const beginnings: number[] = [];
  const reader = tokens.reader();
  const block = new Int32Array(Math.min(BLOCK_TOKENS, length));
  const starts = new Uint8Array(block.length);
  for (let offset = 0; offset < length; offset += block.length) {
    const size = Math.min(block.length, length - offset);
    await reader.read(offset, block.subarray(0, size), starts.subarray(0, size));
    for (let i = 0; i < size; i++) if (starts[i] === 1 || offset + i === 0) beginnings.push(offset + i);
  }
  return beginnings.map((start, index) => ({ start, end: beginnings[index + 1] ?? length }));
}

/** One sequence per document, which predicts every token but the first. A document of one token has nothing to predict. */
export function documentSequences(documents: readonly DocumentRange[]): Sequence[] {
  return documents.map(({ start, end }) => ({ first: start, count: Math.max(0, end - start - 1) }));
}

/**
 * Cuts a text into `rows` sequences whose lengths differ by at most one. Together they predict every token but the first, once: the last
 * prediction of a sequence is the first token that the next one reads.
 */
export function rowSequences(tokens: number, rows: number): Sequence[] {
  const predictions = Math.max(0, tokens - 1);
  const count = Math.min(rows, Math.max(1, predictions));
  return Array.from({ length: count }, (_, row) => {
    const first = Math.floor((row * predictions) / count);
    return { first, count: Math.floor(((row + 1) * predictions) / count) - first };
  });
}

/** The sequences of a text. */
export interface TextSequences {
  readonly sequences: readonly Sequence[];
  /** Number of sequences to score in parallel. */
  readonly rows: number;
  /** Whether each sequence is a document. */
  readonly hasDocuments: boolean;
}

/** The documents of a text as sequences. A text without documents, or one that more than one row is wanted of, is cut into rows. */
export async function sequencesOf(tokens: TokenSource, rows: number): Promise<TextSequences> {
  if (tokens.hasDocuments && rows === 1)
    return {
      sequences: documentSequences(await documentsOf(tokens)),
      rows: PARALLEL_DOCUMENTS,
      hasDocuments: true,
    };
  const sequences = rowSequences(tokens.length, rows);
  return { sequences, rows: sequences.length, hasDocuments: false };
}
