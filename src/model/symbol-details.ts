/** The model's predictions along a text, with the texts of the symbols. */
import { symbolText } from '../data/symbols/symbol-text.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import type { TokenDetails } from './token-details.ts';

/** The model's prediction for a symbol of a text: before any control, in nats. */
export interface SymbolDetails {
  /** The symbol; for a byte beyond ASCII, an escape such as `\xC3`. */
  readonly text: string;
  readonly logProbability: number;
  /** The entropy of the whole prediction: how uncertain the model was. */
  readonly entropy: number;
  /** The probability of the symbol after all controls; 1 if it was not drawn at random. */
  readonly drawnProbability: number;
  /** The most likely symbols, in descending order. */
  readonly alternatives: readonly { readonly text: string; readonly logProbability: number }[];
}

/** The details of a token, with the texts of the symbols instead of tokens. */
export function symbolDetails(vocabulary: Vocabulary, details: TokenDetails): SymbolDetails {
  const { token, alternatives, ...rest } = details;
  return {
    text: symbolText(vocabulary.symbolOf(token), vocabulary.kind),
    ...rest,
    alternatives: alternatives.map(({ token, logProbability }) => ({
      text: symbolText(vocabulary.symbolOf(token), vocabulary.kind),
      logProbability,
    })),
  };
}
