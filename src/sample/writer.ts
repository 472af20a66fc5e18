/** Writes texts by sampling or beam search, in pieces that never end within a character. */
import type { Vocabulary } from '../data/vocabulary.ts';
import type { FloatArray, HeldUnit } from '../engine/engine.ts';
import { OptionError } from '../errors.ts';
import { type SymbolDetails, symbolDetails } from '../model/symbol-details.ts';
import { PredictionReader, type TokenDetails } from '../model/token-details.ts';
import { joinBytes } from '../util/bytes.ts';
import { formatCount } from '../util/format.ts';
import { MersenneTwister } from '../util/mersenne-twister.ts';
import { CharacterPieces } from './character-pieces.ts';
import { generateTokens, type TokenPiece } from './generate-tokens.ts';
import type { SamplingPlan } from './options.ts';
import { predictAlong } from './pool/held-slots.ts';
import type { SequencePool } from './pool/pool.ts';
import type { EncodedPrompt } from './prompt.ts';
import { beamSearch } from './search/beam.ts';
import type { Ending } from './stops.ts';

/** The next part of a text. */
export interface TextPiece {
  /** The index of the text. */
  readonly index: number;
  /** How many symbols were written. */
  readonly symbols: number;
  /** Complete UTF-8 characters; a model over bytes may write invalid UTF-8. */
  readonly bytes: Uint8Array;
  /** One for each symbol; empty if no details are wanted. */
  readonly details: readonly SymbolDetails[];
  /** Why the text ended with this piece; undefined if it continues. */
  readonly ending: Ending | undefined;
}

export interface WriterInput {
  readonly pool: SequencePool;
  readonly vocabulary: Vocabulary;
  readonly plan: SamplingPlan;
  readonly texts: readonly { readonly prompt: EncodedPrompt; readonly seed: number }[];
  /** Whether to put the prompt before the text. */
  readonly echo: boolean;
  /** How many alternatives to list in the details of each symbol. Default: no details. */
  readonly alternatives?: number | undefined;
  /** Units to hold while the texts are written, but not while their prompts are read. Default: none. */
  readonly hold?: readonly HeldUnit[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Yields the pieces of all texts as they are written; the pieces of one text are in order. A beam search yields each text in one piece;
 * texts with the same prompt are the best ones of a single search. If there are fewer possible texts, the others get no piece.
 *
 * @throws {OptionError} `beam` if more texts than it holds have the same prompt
 * @throws the signal's reason when it is aborted
 */
export async function* writeTexts(input: WriterInput): AsyncGenerator<TextPiece, void, void> {
  const { vocabulary, texts, echo } = input;
  const characters = texts.map(() => new CharacterPieces(vocabulary));
  const prompts = texts.map(({ prompt }) => (echo ? prompt.bytes : new Uint8Array()));
  const tokens = input.plan.beam > 0 ? searchTexts(input) : sampleTexts(input);
  for (const [index, prompt] of prompts.entries()) {
    for (const bytes of characters[index]?.push(prompt) ?? []) {
      yield { index, symbols: 0, bytes, details: [], ending: undefined };
    }
  }
  for await (const pieces of tokens) {
    for (const { index, tokens, details, ending } of pieces) {
      const own = characters[index] as CharacterPieces;
      const parts = [...own.push(vocabulary.bytesOfAll(tokens)), ...(ending ? own.end() : [])];
      if (parts.length === 0 && details.length === 0 && !ending) continue;
      yield {
        index,
        symbols: tokens.length,
        bytes: joinBytes(parts),
        details: details.map((item) => symbolDetails(vocabulary, item)),
        ending,
      };
      input.signal?.throwIfAborted();
    }
  }
}

function sampleTexts({
  texts,
  plan,
  vocabulary,
  ...rest
}: WriterInput): AsyncGenerator<readonly TokenPiece[], void, void> {
  const { controls, limits, form, draws } = plan;
  return generateTokens({
    ...rest,
    controls,
    limits,
    draws,
    texts: texts.map(({ prompt, seed }) => ({
      prompt: prompt.tokens,
      generator: new MersenneTwister(seed),
      constraint: form?.(),
    })),
  });
}

async function* searchTexts(input: WriterInput): AsyncGenerator<readonly TokenPiece[], void, void> {
  const { pool, plan, texts, alternatives, hold, signal } = input;
  const byPrompt = new Map<string, number[]>();
  for (const [index, { prompt }] of texts.entries()) {
    const key = prompt.tokens.join();
    byPrompt.set(key, [...(byPrompt.get(key) ?? []), index]);
  }
  const most = Math.max(0, ...[...byPrompt.values()].map(({ length }) => length));
  if (most > plan.beam) {
    const got = `got ${formatCount(plan.beam)}, expected at least ${formatCount(most)}`;
    throw new OptionError('beam', `${got}, because so many texts have the same prompt`);
  }
  for (const indices of byPrompt.values()) {
    const { prompt } = texts[indices[0] as number] as WriterInput['texts'][number];
    const found = await beamSearch({
      ...{ pool, ...plan, hold, signal },
      prompt: prompt.tokens,
      constraint: plan.form?.(),
    });
    for (const [rank, index] of indices.entries()) {
      const best = found[rank];
      if (!best) continue;
      const { tokens, ending } = best;
      const details = alternatives === undefined ? [] : await describeTokens(input, prompt.tokens, tokens);
      yield [{ index, tokens, details, ending }];
    }
  }
}

/** The model's predictions along a given text. */
async function describeTokens(
  { pool, vocabulary, alternatives = 0, hold, signal }: WriterInput,
  prompt: readonly number[],
  tokens: readonly number[],
): Promise<TokenDetails[]> {
  const reader = new PredictionReader(vocabulary.size, alternatives);
  const details: TokenDetails[] = [];
  const describe = (position: number, row: FloatArray) => {
    details.push(reader.describe(row, 0, tokens[position - prompt.length] as number, 1));
  };
  await predictAlong(pool, [...prompt, ...tokens], { from: prompt.length, hold, signal }, describe);
  return details;
}
