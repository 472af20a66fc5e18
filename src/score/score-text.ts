/** A text's losses, symbol by symbol, and what they come to. */

import { symbolText } from '../data/symbols/symbol-text.ts';
import { MemoryTokens } from '../data/tokens/memory-tokens.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import type { Engine, NumberArray } from '../engine/engine.ts';
import { TextError } from '../errors.ts';
import type { ModelConfig } from '../model/config.ts';
import { scoreSequences } from './score-sequences.ts';
import { rowSequences } from './sequences.ts';
import { type Summary, summarize, sumOf } from './summary.ts';

export interface TextScoring {
  readonly engine: Engine;
  readonly config: ModelConfig;
  /** In canonical order. */
  readonly parameters: NumberArray;
  readonly vocabulary: Vocabulary;
  readonly tokens: Int32Array;
  /** Sequences side by side, each from the zero state. */
  readonly rows: number;
  readonly signal?: AbortSignal | undefined;
}

export interface TextScore extends Summary {
  /** The text's symbols: characters, bytes or graphemes, as the model has them. A byte beyond ASCII is written `\xC3`. */
  readonly symbols: readonly string[];
  /** −log p of each symbol in nats; NaN for the first, which nothing predicts. */
  readonly losses: Float64Array;
}

/**
 * The losses of a whole text that fits in memory.
 *
 * @throws {TextError} `text-too-short` for less than two symbols
 * @throws the signal's reason when it is aborted
 */
export async function scoreText(scoring: TextScoring): Promise<TextScore> {
  const { tokens, vocabulary, rows } = scoring;
  if (tokens.length < 2) throw tooShort('the text', tokens.length);
  const losses = new Float64Array(tokens.length).fill(Number.NaN);
  const sequences = rowSequences(tokens.length, rows);
  const runs = scoreSequences({ ...scoring, tokens: new MemoryTokens(tokens), sequences, lanes: rows });
  for await (const run of runs) losses.set(run.losses, run.target);
  return {
    ...summarize(tokens.length - 1, sumOf(losses.subarray(1))),
    symbols: Array.from(tokens, (token) => symbolText(vocabulary.symbolOf(token), vocabulary.kind)),
    losses,
  };
}

/** The error for a text without anything to predict. */
export function tooShort(name: string, symbols: number): TextError {
  return new TextError(
    'text-too-short',
    `${name} has ${symbols === 1 ? 'one character' : 'no characters'}: nothing to predict. Scoring takes two or more.`,
  );
}
