/**
 * Packs sequences of any length into batches: each batch row reads one sequence after another.
 *
 * Dimension letters: B batch rows, T time steps.
 */
import type { TokenReader, TokenSource } from '../data/batches/batches.ts';
import { MAX_ROWS } from './options.ts';
import type { Sequence } from './sequences.ts';

/** A part of one sequence within a block: its predictions at steps `step` … `step + length − 1` of a row. */
export interface Span {
  /** Index of the sequence. */
  readonly sequence: number;
  /** Index in the text of the first predicted token. */
  readonly target: number;
  readonly row: number;
  readonly step: number;
  readonly length: number;
}

export interface Block {
  /** Token ids [T, B]; 0 after the last sequence of a row. */
  readonly inputs: Int32Array;
  /** [T, B] */
  readonly targets: Int32Array;
  /** [T, B]: 1 where a sequence begins, so that the state is reset. */
  readonly resets: Uint8Array;
  readonly spans: readonly Span[];
}

/** Positions in a block: enough to fill the engine's tiles, few enough to stay in the cache. */
const BLOCK_POSITIONS = 2_500;
const MAX_STEPS = 512;

/** The shape of the blocks of some sequences, of which at most `rows` are computed in parallel. */
export function blockShape(
  sequences: readonly Sequence[],
  rows: number,
): { readonly batchSize: number; readonly sequenceLength: number } {
  const batchSize = Math.min(rows, MAX_ROWS, sequences.length);
  const longest = sequences.reduce((most, { count }) => Math.max(most, count), 0);
  const sequenceLength = Math.max(1, Math.min(MAX_STEPS, Math.ceil(BLOCK_POSITIONS / batchSize), longest));
  return { batchSize, sequenceLength };
}

/** The progress of a row in its current sequence. */
interface RowProgress {
  sequence: number;
  /** Predictions packed so far. */
  done: number;
}

/** Yields blocks of [T, B] until all sequences are packed. A row that has finished a sequence takes the next one from the list. */
export async function* packSequences(
  tokens: TokenSource,
  sequences: readonly Sequence[],
  { batchSize: B, sequenceLength: T }: { readonly batchSize: number; readonly sequenceLength: number },
): AsyncGenerator<Block, void, void> {
  const buffer = new Int32Array(T + 1);
  let next = 0;
  const takeNext = (): RowProgress | undefined => {
    while (sequences[next]?.count === 0) next++;
    return next < sequences.length ? { sequence: next++, done: 0 } : undefined;
  };
  const rows = Array.from({ length: B }, takeNext);
  const readers = rows.map(() => tokens.reader());
  while (rows.some((row) => row !== undefined)) {
    const inputs = new Int32Array(T * B);
    const targets = new Int32Array(T * B);
    const resets = new Uint8Array(T * B);
    const spans: Span[] = [];
    for (let b = 0; b < B; b++) {
      let step = 0;
      for (let row = rows[b]; row && step < T; row = rows[b]) {
        const { first, count } = sequences[row.sequence] as Sequence;
        const length = Math.min(T - step, count - row.done);
        const start = first + row.done;
        const ids = buffer.subarray(0, length + 1);
        await (readers[b] as TokenReader).read(start, ids);
        for (let i = 0; i < length; i++) {
          inputs[(step + i) * B + b] = ids[i] as number;
          targets[(step + i) * B + b] = ids[i + 1] as number;
        }
        if (row.done === 0) resets[step * B + b] = 1;
        spans.push({ sequence: row.sequence, target: start + 1, row: b, step, length });
        row.done += length;
        step += length;
        if (row.done === count) rows[b] = takeNext();
      }
    }
    yield { inputs, targets, resets, spans };
  }
}
