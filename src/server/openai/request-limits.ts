/** How much a request may ask for. */

import { ApiError } from '../http/api-error.ts';
import type { ServerOptions } from '../options.ts';

/** The fields to blame: that of the texts, and that which multiplies them. */
export interface ParamNames {
  readonly prompt: string;
  readonly count?: string;
}

/**
 * Checks a request before anything is made of its texts: how many streams they need, and whether they can be short enough. A symbol is
 * seldom more than two units of UTF-16.
 *
 * @param each Streams that each text takes.
 * @throws {ApiError} 400
 */
export function checkSize(
  { maxStreams, maxPrompt }: ServerOptions,
  { prompt, count = prompt }: ParamNames,
  texts: readonly { readonly length: number }[],
  each: number,
): void {
  if (texts.length > maxStreams) throw tooMuch(prompt, texts.length, maxStreams, ' texts at once');
  if (texts.length * each > maxStreams) {
    const most = Math.floor(maxStreams / texts.length);
    throw tooMuch(count, each, most, texts.length === 1 ? '' : ` for ${texts.length} prompts`);
  }
  const units = texts.reduce((sum, { length }) => sum + length, 0);
  if (units > 2 * maxPrompt) throw tooLong(prompt, units, maxPrompt);
}

/** @throws {ApiError} 400 */
export function checkTokens({ maxPrompt }: ServerOptions, param: string, tokens: number): void {
  if (tokens > maxPrompt) throw tooLong(param, tokens, maxPrompt);
}

/** @throws {ApiError} 400 */
export function checkMaxTokens({ maxTokens }: ServerOptions, param: string, tokens: number): void {
  if (tokens > maxTokens) throw tooMuch(param, tokens, maxTokens);
}

function tooLong(param: string, got: number, most: number): ApiError {
  return tooMuch(param, got, most, ' tokens', 'context_length_exceeded');
}

function tooMuch(param: string, got: number, most: number, unit = '', code = 'invalid_value'): ApiError {
  return new ApiError(400, `${param}: got ${got}, expected at most ${most}${unit}.`, { param, code });
}
