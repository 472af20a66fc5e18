/** Checks and encodes the texts and token ids of a request. */
import type { Vocabulary } from '../../data/vocabulary.ts';
import { encodePrompt } from '../../sample/prompt.ts';
import { ApiError } from '../http/api-error.ts';
import { blameField } from './request-errors.ts';
import type { Unknown } from './sampling-fields.ts';

/**
 * @param param The field that holds the text.
 * @throws {ApiError} 400 for characters that the model does not know, unless `unknown` allows them
 */
export function encodeText(
  vocabulary: Vocabulary,
  text: string,
  unknown: Unknown,
  param: string,
): readonly number[] {
  return blameField(param, () => encodePrompt(vocabulary, text, unknown).tokens);
}

/** @throws {ApiError} 400 for a token id that the model does not have */
export function checkTokenIds(vocabulary: Vocabulary, tokens: readonly number[], param: string): void {
  const wrong = tokens.find((token) => token >= vocabulary.size);
  if (wrong !== undefined) throw unknownToken(param, wrong, vocabulary);
}

export function unknownToken(param: string, token: number, { size }: Vocabulary): ApiError {
  return new ApiError(400, `${param}: got token ${token}, expected one from 0 to ${size - 1}.`, {
    param,
    code: 'invalid_value',
  });
}
