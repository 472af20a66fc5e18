/**
 * Sequences of any length, one after the other in a fixed number of lanes: what one batch computes side by side.
 *
 * Dimension letters: B lanes, T time steps.
 */
import type { TokenReader, TokenSource } from '../data/batches/batches.ts';
import type { Sequence } from './sequences.ts';

/** A stretch of one sequence within a block: its predictions at steps `step` … `step + length − 1` of a lane. */
export interface Run {
  /** Index of the sequence. */
  readonly sequence: number;
  /** Index in the text of the first token that is predicted. */
  readonly target: number;
  readonly lane: number;
  readonly step: number;
  readonly length: number;
}

export interface Block {
  /** Token ids [T, B]; 0 where a lane has nothing left to read. */
  readonly inputs: Int32Array;
  /** [T, B] */
  readonly targets: Int32Array;
  /** [T, B]: 1 where a sequence begins. */
  readonly resets: Uint8Array;
  readonly runs: readonly Run[];
}

/** How far a lane has come: in a sequence, or through with all. */
interface Lane {
  sequence: number;
  /** Predictions made of it. */
  done: number;
}

/**
 * Fills blocks of [T, B] until every sequence is through. A lane that has finished one takes the next that nobody has taken.
 */
export async function* blocksOf(
  tokens: TokenSource,
  sequences: readonly Sequence[],
  { batchSize: B, sequenceLength: T }: { readonly batchSize: number; readonly sequenceLength: number },
): AsyncGenerator<Block, void, void> {
  const row = new Int32Array(T + 1);
  let next = 0;
  const take = (): Lane | undefined => {
    while (sequences[next]?.count === 0) next++;
    return next < sequences.length ? { sequence: next++, done: 0 } : undefined;
  };
  const lanes = Array.from({ length: B }, take);
  const readers = lanes.map(() => tokens.reader());
  while (lanes.some((lane) => lane !== undefined)) {
    const inputs = new Int32Array(T * B);
    const targets = new Int32Array(T * B);
    const resets = new Uint8Array(T * B);
    const runs: Run[] = [];
    for (let b = 0; b < B; b++) {
      let step = 0;
      for (let lane = lanes[b]; lane && step < T; lane = lanes[b]) {
        const { first, count } = sequences[lane.sequence] as Sequence;
        const length = Math.min(T - step, count - lane.done);
        const start = first + lane.done;
        const stretch = row.subarray(0, length + 1);
        await (readers[b] as TokenReader).read(start, stretch);
        for (let i = 0; i < length; i++) {
          inputs[(step + i) * B + b] = stretch[i] as number;
          targets[(step + i) * B + b] = stretch[i + 1] as number;
        }
        if (lane.done === 0) resets[step * B + b] = 1;
        runs.push({ sequence: lane.sequence, target: start + 1, lane: b, step, length });
        lane.done += length;
        step += length;
        if (lane.done === count) lanes[b] = take();
      }
    }
    yield { inputs, targets, resets, runs };
  }
}
