/** The endpoints that turn texts into token ids and back, as in llama.cpp's server. */
import * as z from 'zod/mini';
import { isPartByte } from '../../data/symbols/symbol-text.ts';
import type { Vocabulary } from '../../data/vocabulary.ts';
import { checkFields, field } from '../http/request-fields.ts';
import type { ServerOptions } from '../options.ts';
import { isTokens } from './completion-request.ts';
import { checkTokenIds, encodeText } from './encode-text.ts';
import { flagField, modelField, type Unknown, unknownField } from './sampling-fields.ts';
import { TextPieces } from './text-pieces.ts';

const tokenizeSchema = z.object({
  model: modelField(),
  content: field(z.string(), 'a text'),
  with_pieces: flagField(),
  unknown: unknownField(),
});

export interface TokenizeRequest {
  readonly model: string | undefined;
  readonly content: string;
  /** Whether to return the text of each token as well. */
  readonly withPieces: boolean;
  readonly unknown: Unknown;
}

/** @throws {ApiError} 400, naming the field */
export function parseTokenizeRequest(body: unknown, options: ServerOptions): TokenizeRequest {
  const { model, content, with_pieces, unknown } = checkFields(tokenizeSchema, body, options.strict);
  return {
    model: model ?? undefined,
    content: content ?? '',
    withPieces: with_pieces ?? false,
    unknown: unknown ?? 'error',
  };
}

/** @throws {ApiError} 400 for characters that the model does not know */
export function tokenized(vocabulary: Vocabulary, { content, withPieces, unknown }: TokenizeRequest) {
  const tokens = encodeText(vocabulary, content, unknown, 'content');
  if (!withPieces) return { tokens };
  return { tokens: tokens.map((id) => ({ id, piece: pieceOf(vocabulary, id) })) };
}

/** A token's text, or its byte if that is only part of a character. */
function pieceOf(vocabulary: Vocabulary, token: number): string | number[] {
  const symbol = vocabulary.symbolOf(token);
  return isPartByte(symbol, vocabulary.kind) ? [...vocabulary.bytesOf(token)] : symbol;
}

const detokenizeSchema = z.object({
  model: modelField(),
  tokens: field(
    z.custom<number[]>((value) => (Array.isArray(value) && value.length === 0) || isTokens(value)),
    'an array of token ids',
  ),
});

export interface DetokenizeRequest {
  readonly model: string | undefined;
  readonly tokens: readonly number[];
}

/** @throws {ApiError} 400, naming the field */
export function parseDetokenizeRequest(body: unknown, options: ServerOptions): DetokenizeRequest {
  const { model, tokens } = checkFields(detokenizeSchema, body, options.strict);
  return { model: model ?? undefined, tokens: tokens ?? [] };
}

/** @throws {ApiError} 400 for a token id that the model does not have */
export function detokenized(vocabulary: Vocabulary, { tokens }: DetokenizeRequest) {
  checkTokenIds(vocabulary, tokens, 'tokens');
  const pieces = new TextPieces(vocabulary);
  return { content: pieces.push(tokens) + pieces.end() };
}
