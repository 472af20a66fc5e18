/** Log-probabilities of tokens, as the model gives them before any control. Natural logarithms. */
import { isPartByte } from '../../data/symbols/symbol-text.ts';
import type { Vocabulary } from '../../data/vocabulary.ts';
import type { FloatArray } from '../../engine/engine.ts';
import { likeliestTokens, type RankedToken } from '../../sample/choice/token-details.ts';

/** A token with its log-probability and those of others in its place. */
export interface RatedToken {
  readonly token: number;
  /** Undefined for the first token of a prompt, which follows nothing. */
  readonly logprob: number | undefined;
  /** The most likely tokens, the likeliest first, and at the end the token itself if it is not among them. */
  readonly alternatives: readonly RankedToken[];
}

/** A rated token and where it begins: in code points from the start of the prompt; for a byte, where its character begins. */
export interface PlacedToken extends RatedToken {
  readonly offset: number;
}

/** @param row Log-probabilities [V] of the token. */
export function rateToken(token: number, row: FloatArray, alternatives: number): RatedToken {
  const logprob = row[token] as number;
  const best = likeliestTokens(row, alternatives);
  if (!best.some((other) => other.token === token)) best.push({ token, logProbability: logprob });
  return { token, logprob, alternatives: best };
}

/** A token's text; for a byte that is no character, `bytes:\x` and its value, as OpenAI writes it. */
export function tokenText(vocabulary: Vocabulary, token: number): string {
  const symbol = vocabulary.symbolOf(token);
  if (!isPartByte(symbol, vocabulary.kind)) return symbol;
  return `bytes:\\x${symbol.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** Log-probabilities as a completion lists them. */
export interface CompletionLogprobs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  /** By token, the likeliest first. A map, since an object puts keys like "7" in front of all others. */
  readonly top_logprobs: (ReadonlyMap<string, number> | null)[];
  readonly text_offset: number[];
}

export function completionLogprobs(
  vocabulary: Vocabulary,
  tokens: readonly PlacedToken[],
): CompletionLogprobs {
  return {
    tokens: tokens.map(({ token }) => tokenText(vocabulary, token)),
    token_logprobs: tokens.map(({ logprob }) => logprob ?? null),
    top_logprobs: tokens.map(({ logprob, alternatives }) =>
      logprob === undefined
        ? null
        : new Map(
            alternatives.map(({ token, logProbability }) => [tokenText(vocabulary, token), logProbability]),
          ),
    ),
    text_offset: tokens.map(({ offset }) => offset),
  };
}

/** Log-probabilities as a chat lists them. @param count Alternatives of each token. */
export function chatLogprobs(vocabulary: Vocabulary, tokens: readonly PlacedToken[], count: number) {
  const entry = (token: number, logprob: number | undefined) => ({
    token: tokenText(vocabulary, token),
    logprob: logprob ?? null,
    bytes: [...vocabulary.bytesOf(token)],
  });
  return {
    content: tokens.map(({ token, logprob, alternatives }) => ({
      ...entry(token, logprob),
      top_logprobs: alternatives
        .slice(0, count)
        .map(({ token, logProbability }) => entry(token, logProbability)),
    })),
    refusal: null,
  };
}
