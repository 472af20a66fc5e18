/** Scores a text: the loss of each symbol, and their sum and mean. */

import { symbolText } from '../data/symbols/symbol-text.ts';
import { MemoryTokens } from '../data/tokens/memory-tokens.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import type { Engine, FloatArray, NumberArray, Quantization } from '../engine/engine.ts';
import { MemoryError, TextError } from '../errors.ts';
import type { ModelConfig } from '../model/config.ts';
import { type SymbolDetails, symbolDetails } from '../model/symbol-details.ts';
import { PredictionReader } from '../model/token-details.ts';
import { formatBytes } from '../util/format.ts';
import { type DynamicScoring, scoreDynamically } from './dynamic.ts';
import { type ScoredSpan, scoreSequences } from './score-sequences.ts';
import { rowSequences } from './sequences.ts';
import { type Summary, summarize, sumOf } from './summary.ts';

export interface TextScoring {
  readonly engine: Engine;
  readonly config: ModelConfig;
  /** In canonical order. */
  readonly parameters: NumberArray;
  /** How to store them on the engine, but not for dynamic evaluation, which changes them. Default: as floats. */
  readonly quantization?: Quantization | undefined;
  readonly vocabulary: Vocabulary;
  readonly tokens: Int32Array;
  /** How many rows to cut the text into. Each starts from the zero state. */
  readonly rows: number;
  /** If given, dynamic evaluation is done too: with this mean squared gradient (see `dynamic.ts`) and step size. */
  readonly dynamic?: Pick<DynamicScoring, 'meanSquare' | 'learningRate'> | undefined;
  /** How many of the most likely symbols to list in the details of each symbol. Default: no details. */
  readonly alternatives?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TextScore extends Summary {
  /** The symbols of the text: characters, bytes or graphemes, depending on the model. A byte beyond ASCII is written `\xC3`. */
  readonly symbols: readonly string[];
  /** −log p of each symbol, in nats; NaN for the first, which is not predicted. */
  readonly losses: Float64Array;
  /**
   * The prediction of each symbol, with the most likely alternatives, if they were asked for. That of the first has no alternatives, and NaN for
   * its log-probability and entropy. `drawnProbability` is 1.
   */
  readonly details?: readonly SymbolDetails[] | undefined;
  /** The loss of dynamic evaluation, if it was requested, over all symbols of the text but the first. */
  readonly dynamic?: Summary | undefined;
}

/**
 * The losses of a text in memory.
 *
 * @throws {TextError} `text-too-short` for a text of fewer than two symbols
 * @throws {MemoryError} before anything is read, if the details would need more than 1 GiB
 * @throws the signal's reason if it is aborted
 */
export async function scoreText(scoring: TextScoring): Promise<TextScore> {
  const { tokens, vocabulary, rows } = scoring;
  if (tokens.length < 2) throw tooShort('the text', tokens.length);
  const losses = new Float64Array(tokens.length).fill(Number.NaN);
  const sequences = rowSequences(tokens.length, rows);
  const source = { ...scoring, tokens: new MemoryTokens(tokens), sequences };
  const details = detailsOf(scoring);
  for await (const span of scoreSequences({ ...source, readsPredictions: details !== undefined })) {
    losses.set(span.losses, span.target);
    details?.add(span);
  }
  const dynamic = scoring.dynamic && (await dynamicNats({ ...source, ...scoring.dynamic }));
  return {
    ...summarize(tokens.length - 1, sumOf(losses.subarray(1))),
    symbols: Array.from(tokens, (token) => symbolText(vocabulary.symbolOf(token), vocabulary.kind)),
    losses,
    ...(details !== undefined && { details: details.all }),
    ...(dynamic !== undefined && { dynamic: summarize(tokens.length - 1, dynamic) }),
  };
}

/** Approximate bytes of the details of a symbol, without alternatives, and of an alternative. */
const DETAILS_BYTES = 160;
const ALTERNATIVE_BYTES = 64;
const MAX_BYTES = 2 ** 30;

/** Collects the details of all symbols; undefined if none are wanted. */
function detailsOf({ tokens, vocabulary, alternatives }: TextScoring) {
  if (alternatives === undefined) return undefined;
  const count = Math.min(alternatives, vocabulary.size);
  const bytes = tokens.length * (DETAILS_BYTES + count * ALTERNATIVE_BYTES);
  if (bytes > MAX_BYTES)
    throw new MemoryError(
      `${count} alternatives of ${tokens.length} symbols would need about ${formatBytes(bytes)}, expected at most ${formatBytes(MAX_BYTES)}: score a shorter text, or list fewer alternatives.`,
    );
  const reader = new PredictionReader(vocabulary.size, count);
  const first = { token: tokens[0] as number, logProbability: Number.NaN, entropy: Number.NaN };
  const all = new Array<SymbolDetails>(tokens.length);
  all[0] = symbolDetails(vocabulary, { ...first, drawnProbability: 1, alternatives: [] });
  const add = ({ target, tokens: own, predictions }: ScoredSpan) => {
    own.forEach((token, i) => {
      const described = reader.describe(predictions as FloatArray, i * vocabulary.size, token, 1);
      all[target + i] = symbolDetails(vocabulary, described);
    });
  };
  return { all, add };
}

/** The sum of the losses of dynamic evaluation. */
async function dynamicNats(scoring: DynamicScoring): Promise<number> {
  const steps = scoreDynamically(scoring);
  let step = await steps.next();
  while (!step.done) step = await steps.next();
  return sumOf(step.value);
}

/** The error for a text that is too short to predict anything. @param symbols Its length. If it is above 1, each document has one symbol. */
export function tooShort(name: string, symbols: number): TextError {
  const [got, needed] =
    symbols > 1
      ? ['only documents of one character', 'a document of at least two']
      : [symbols === 1 ? 'one character' : 'no characters', 'at least two'];
  return new TextError('text-too-short', `${name} has ${got}: nothing to predict. Scoring needs ${needed}.`);
}
