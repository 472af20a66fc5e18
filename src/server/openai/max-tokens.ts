/** The length of a text, in tokens: the fields that limit it, their defaults, and the server's maximum (`--max-tokens`). */
import { limitField } from '../http/request-fields.ts';
import type { ServerOptions } from '../options.ts';
import { tooMuch } from './request-limits.ts';

/** The default in completions: OpenAI's. */
export const DEFAULT_COMPLETION_TOKENS = 16;
/** The default in chats. OpenAI has none, but here a model that never writes the user's name would write up to the server's maximum. */
export const DEFAULT_CHAT_TOKENS = 500;

/** The type of `max_tokens` and `max_completion_tokens`: −1 is the server's maximum. */
export const maxTokensField = limitField;

/** The field that limits the length of a text. */
export interface LengthField {
  readonly name: 'max_tokens' | 'max_completion_tokens';
  /** The request's value: −1 for the server's maximum; null or undefined for the default. */
  readonly value: number | null | undefined;
  /** The default. The server's maximum limits it too. */
  readonly byDefault: number;
}

/** The maximum length of a request's texts. @throws {ApiError} 400 if it is more than the server allows */
export function maxTokensOf({ name, value, byDefault }: LengthField, { maxTokens }: ServerOptions): number {
  if (value === -1) return maxTokens;
  if (value === null || value === undefined) return Math.min(byDefault, maxTokens);
  if (value > maxTokens) throw tooMuch(name, value, maxTokens);
  return value;
}
