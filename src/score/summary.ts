/** What some losses come to, in the units that people use. */

import type { FloatArray } from '../engine/engine.ts';

export interface Summary {
  /** Symbols that were predicted. */
  readonly characters: number;
  /** The sum of their losses, −log p. */
  readonly nats: number;
  readonly natsPerCharacter: number;
  readonly bitsPerCharacter: number;
  /** e to the loss of a character: among how many equally likely ones the model hesitates. */
  readonly perplexity: number;
}

/** Without a single character the means are NaN. */
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

/** The sum of some losses, in their order, in double precision. */
export function sumOf(losses: FloatArray): number {
  let sum = 0;
  for (const loss of losses) sum += loss;
  return sum;
}
