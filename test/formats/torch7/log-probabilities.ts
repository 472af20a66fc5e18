/** The results of a checkpoint's model for a text. */

import type { Checkpoint } from '../../../src/checkpoint/checkpoint.ts';
import type { Engine, Precision } from '../../../src/engine/engine.ts';
import { ReferenceEngine } from '../../../src/engine/reference/reference-engine.ts';
import { logProbabilities as ofTokens } from '../log-probabilities.ts';

/** The log-probabilities after each character of a text, [T][V] by our tokens, from the zero state. */
export async function logProbabilities(
  checkpoint: Checkpoint,
  text: string,
  by: Precision | Engine,
): Promise<number[][]> {
  const engine = typeof by === 'string' ? new ReferenceEngine(by) : by;
  const V = checkpoint.vocabulary.size;
  const tokens = Array.from(text, (character) => checkpoint.vocabulary.tokenOf(character) as number);
  const flat = await ofTokens(checkpoint, tokens, engine);
  return tokens.map((_, t) => flat.slice(t * V, (t + 1) * V));
}

/** The largest |Δ| / max(1, |log p|), with the columns of `expected` in the order of the symbols given. */
export function largestError(
  { vocabulary }: Checkpoint,
  rows: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
  symbols: readonly string[],
): number {
  let largest = 0;
  for (const [row, values] of expected.entries()) {
    for (const [column, value] of values.entries()) {
      const got = rows[row]?.[vocabulary.tokenOf(symbols[column] as string) as number] as number;
      const error = Math.abs(got - value) / Math.max(1, Math.abs(value));
      // A NaN compares as false.
      if (!(error <= largest)) largest = error;
    }
  }
  return largest;
}
