/** Limits on the size of a request. `max-tokens.ts` has the limit on the length of the texts that are written. */
import { ApiError } from '../http/api-error.ts';
import type { ServerOptions } from '../options.ts';

/** The fields to name in errors: the one with the texts, and the one that multiplies them. */
export interface ParamNames {
  readonly prompt: string;
  readonly count?: string;
}

/**
 * Checks a request before its texts are encoded: it must not need too many sequences, and its texts must not be far above the
 * limit. A symbol is seldom longer than two UTF-16 units.
 *
 * @param each Number of sequences for each text.
 * @throws {ApiError} 400
 */
export function checkSize(
  { maxSequences, maxPrompt }: ServerOptions,
  { prompt, count = prompt }: ParamNames,
  texts: readonly { readonly length: number }[],
  each: number,
): void {
  if (texts.length > maxSequences) throw tooMuch(prompt, texts.length, maxSequences, ' texts at once');
  if (texts.length * each > maxSequences) {
    const max = Math.floor(maxSequences / texts.length);
    throw tooMuch(count, each, max, texts.length === 1 ? '' : ` for ${texts.length} prompts`);
  }
  const units = texts.reduce((sum, { length }) => sum + length, 0);
  if (units > 2 * maxPrompt) throw tooLong(prompt, units, maxPrompt);
}

/** Checks the length of encoded texts. @throws {ApiError} 400 */
export function checkTokens({ maxPrompt }: ServerOptions, param: string, tokens: number): void {
  if (tokens > maxPrompt) throw tooLong(param, tokens, maxPrompt);
}

function tooLong(param: string, got: number, max: number): ApiError {
  return tooMuch(param, got, max, ' tokens', 'context_length_exceeded');
}

/** An error for a field whose value, size or length exceeds the server's maximum. */
export function tooMuch(
  param: string,
  got: number,
  max: number,
  unit = '',
  code = 'invalid_value',
): ApiError {
  return new ApiError(400, `${param}: got ${got}, expected at most ${max}${unit}.`, { param, code });
}
