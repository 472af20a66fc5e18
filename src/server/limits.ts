/** How much a request may ask for. */
import { ApiError } from './api-error.ts';
import type { ServerOptions } from './options.ts';

/**
 * Before anything is made of a request's texts: how many there are, and whether they can be short enough. A symbol is seldom more than
 * two units of UTF-16.
 *
 * @param each Streams that each text takes.
 * @throws {ApiError} 400
 */
export function checkSize(
  { maxStreams, maxPrompt }: ServerOptions,
  param: string,
  texts: readonly { readonly length: number }[],
  each: number,
): void {
  const streams = texts.length * each;
  if (streams > maxStreams) throw tooMuch(param, streams, maxStreams, ' texts at once');
  const units = texts.reduce((sum, { length }) => sum + length, 0);
  if (units > 2 * maxPrompt) throw tooLong(param, units, maxPrompt);
}

/** @throws {ApiError} 400 */
export function checkTokens({ maxPrompt }: ServerOptions, param: string, tokens: number): void {
  if (tokens > maxPrompt) throw tooLong(param, tokens, maxPrompt);
}

/** @throws {ApiError} 400 */
export function checkMaxTokens({ maxTokens }: ServerOptions, tokens: number): void {
  if (tokens > maxTokens) throw tooMuch('max_tokens', tokens, maxTokens);
}

function tooLong(param: string, got: number, most: number): ApiError {
  return tooMuch(param, got, most, ' tokens', 'context_length_exceeded');
}

function tooMuch(param: string, got: number, most: number, unit = '', code = 'invalid_value'): ApiError {
  return new ApiError(400, `${param}: got ${got}, expected at most ${most}${unit}.`, { param, code });
}
