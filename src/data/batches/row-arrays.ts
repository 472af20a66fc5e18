/** The arrays of a batch and of one of its rows. A source uses the same ones for all its batches. */
import type { Batch } from './batches.ts';

/** The arrays for a batch of B rows and T steps. */
export interface RowArrays {
  readonly batch: Batch & { readonly resets: Uint8Array };
  /** T + 1 tokens of a row: the inputs, and the target of the last one. */
  readonly row: Int32Array;
  /** As long as the row: 1 where the state is reset. */
  readonly starts: Uint8Array;
}

/** Makes a function that returns the arrays for a batch of T steps, up to `longest`. All are parts of the same memory. */
export function makeRowArrays(B: number, longest: number): (T: number) => RowArrays {
  const inputs = new Int32Array(longest * B);
  const targets = new Int32Array(longest * B);
  const resets = new Uint8Array(longest * B);
  const row = new Int32Array(longest + 1);
  const starts = new Uint8Array(longest + 1);
  return (T) => {
    const size = T * B;
    const batch = {
      inputs: inputs.subarray(0, size),
      targets: targets.subarray(0, size),
      resets: resets.subarray(0, size),
    };
    return { batch, row: row.subarray(0, T + 1), starts: starts.subarray(0, T + 1) };
  };
}

/** Writes a row into row r of its batch of B rows. */
export function writeRow({ batch, row, starts }: RowArrays, r: number, B: number): void {
  const { inputs, targets, resets } = batch;
  const T = row.length - 1;
  for (let t = 0; t < T; t++) {
    inputs[t * B + r] = row[t] as number;
    targets[t * B + r] = row[t + 1] as number;
    resets[t * B + r] = starts[t] as number;
  }
}
