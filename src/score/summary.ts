/** Sums up losses in the usual units. */

import type { FloatArray } from '../engine/engine.ts';

export interface Summary {
  /** Predicted symbols. */
  readonly characters: number;
  /** The sum of their losses, −log p. */
  readonly nats: number;
  readonly natsPerCharacter: number;
  readonly bitsPerCharacter: number;
  /** e to the power of the mean loss: the model is as uncertain as if it chose among this many equally likely characters. */
  readonly perplexity: number;
}

/** Sums up the losses of some characters. If there are none, the means are NaN. */
export function summarize(characters: number, nats: number): Summary {
  const natsPerCharacter = nats / characters;
  return {
    characters,
    nats,
    natsPerCharacter,
    bitsPerCharacter: natsPerCharacter / Math.LN2,
    perplexity: Math.exp(natsPerCharacter),
  };
}

/** The sum of losses, added in order, in double precision. */
export function sumOf(losses: FloatArray): number {
  let sum = 0;
  for (const loss of losses) sum += loss;
  return sum;
}
