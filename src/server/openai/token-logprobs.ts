/** Log-probabilities of tokens in OpenAI's formats: the model's own, before any control, in nats. */
import { isPartByte } from '../../data/symbols/symbol-text.ts';
import type { Vocabulary } from '../../data/vocabulary.ts';
import type { FloatArray } from '../../engine/engine.ts';
import { likeliestTokens, type RankedToken } from '../../model/token-details.ts';

/** A token with its log-probability and the alternatives. */
export interface RatedToken {
  readonly token: number;
  /** Undefined for the first token of a prompt, which follows nothing. */
  readonly logprob: number | undefined;
  /** The likeliest tokens in descending order, followed by the token itself if it is not among them. */
  readonly alternatives: readonly RankedToken[];
}

/** A rated token and its offset in code points from the start of the prompt; for a byte, the offset of its character. */
export interface PlacedToken extends RatedToken {
  readonly offset: number;
}

/** @param row The prediction of the token: log-probabilities [V]. */
export function rateToken(token: number, row: FloatArray, alternatives: number): RatedToken {
  const logprob = row[token] as number;
  const best = likeliestTokens(row, alternatives);
  if (!best.some((other) => other.token === token)) best.push({ token, logProbability: logprob });
  return { token, logprob, alternatives: best };
}

/** A token's text. A byte that is only part of a character is written `bytes:\x` and its value, as in OpenAI's API. */
export function tokenText(vocabulary: Vocabulary, token: number): string {
  const symbol = vocabulary.symbolOf(token);
  if (!isPartByte(symbol, vocabulary.kind)) return symbol;
  return `bytes:\\x${symbol.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** Log-probabilities in the format of completions. */
export interface CompletionLogprobs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  /** By token, in descending order. A Map, because an object would put keys such as "7" before all others. */
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

/** Log-probabilities in the format of chats. @param count How many alternatives to list. */
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
