/** Log-probabilities of tokens, as the completions protocol lists them. */
import type { Vocabulary } from '../data/vocabulary.ts';
import type { FloatArray } from '../engine/engine.ts';

/** A token with what the model thought of it, before any control. Natural logarithms. */
export interface RatedToken {
  readonly token: number;
  /** Undefined for the first token of a prompt, before which there was nothing. */
  readonly logprob: number | undefined;
  /** The most likely tokens, the likeliest first, and the token itself where it is not among them. */
  readonly alternatives: readonly (readonly [token: number, logprob: number])[];
}

/** @param row Log-probabilities [V] of the token. */
export function rateToken(token: number, row: FloatArray, alternatives: number): RatedToken {
  const logprob = row[token] as number;
  const best: (readonly [number, number])[] = [];
  if (alternatives > 0) {
    for (let v = 0; v < row.length; v++) {
      const value = row[v] as number;
      if (best.length === alternatives && value <= (best.at(-1)?.[1] as number)) continue;
      let at = best.length;
      while (at > 0 && value > (best[at - 1]?.[1] as number)) at--;
      best.splice(at, 0, [v, value]);
      if (best.length > alternatives) best.pop();
    }
  }
  if (!best.some(([v]) => v === token)) best.push([token, logprob]);
  return { token, logprob, alternatives: best };
}

/** A token's text; for a byte that is no character, `bytes:\x` and its value, as OpenAI writes it. */
export function tokenText(vocabulary: Vocabulary, token: number): string {
  const symbol = vocabulary.symbolOf(token);
  if (vocabulary.kind !== 'byte' || symbol < '\u0080' || token === vocabulary.unknownToken) return symbol;
  return `bytes:\\x${symbol.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

export interface Logprobs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  readonly top_logprobs: (Record<string, number> | null)[];
  /** Where each token begins in the choice's text, in code points; for a byte, the character that it is a part of. */
  readonly text_offset: number[];
}

/** @param offset Of each token. */
export function logprobsOf(
  vocabulary: Vocabulary,
  rated: readonly RatedToken[],
  offsets: readonly number[],
): Logprobs {
  return {
    tokens: rated.map(({ token }) => tokenText(vocabulary, token)),
    token_logprobs: rated.map(({ logprob }) => logprob ?? null),
    top_logprobs: rated.map(({ logprob, alternatives }) =>
      logprob === undefined
        ? null
        : Object.fromEntries(alternatives.map(([token, value]) => [tokenText(vocabulary, token), value])),
    ),
    text_offset: [...offsets],
  };
}
