/**
 * The vocabulary file of torch-rnn's `preprocess.py`: JSON with `token_to_idx`, `{"a": 1, …}`, and `idx_to_token`, `{"1": "a", …}`,
 * numbered from 1. Bytes above 127 are written as `[200]`, since JSON has no bytes.
 */
import * as z from 'zod/mini';
import { malformed } from '../checkpoint/errors.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import { CheckpointError } from '../errors.ts';
import { withinJsonLimits } from '../util/json-limits.ts';

/** The name of the unknown symbol, which torch-rnn does not have. It can't be mistaken for a character. */
const UNKNOWN = '[unknown]';

const schema = z.object({
  token_to_idx: z.record(z.string(), z.int().check(z.minimum(1))),
  idx_to_token: z.record(z.string(), z.string()),
});

/** The names of all tokens, in the order of their numbers. */
export function torchRnnNames(vocabulary: Vocabulary): string[] {
  const names = vocabulary.symbols.map((symbol) => nameOf(symbol, vocabulary.kind));
  return vocabulary.hasUnknown ? [...names, UNKNOWN] : names;
}

/** The file, in UTF-8. */
export function encodeTorchRnnVocabulary(vocabulary: Vocabulary): Uint8Array {
  const names = torchRnnNames(vocabulary);
  const vocabularyJson = {
    token_to_idx: Object.fromEntries(names.map((name, token) => [name, token + 1])),
    idx_to_token: Object.fromEntries(names.map((name, token) => [token + 1, name])),
  };
  return new TextEncoder().encode(`${JSON.stringify(vocabularyJson)}\n`);
}

function nameOf(symbol: string, kind: Vocabulary['kind']): string {
  const value = symbol.codePointAt(0) as number;
  return kind === 'byte' && value > 127 ? `[${value}]` : symbol;
}

/**
 * The names of the tokens in a file, in the order of their numbers.
 *
 * @param file What to call it in messages.
 * @throws {CheckpointError}
 */
export function decodeTorchRnnVocabulary(bytes: Uint8Array, file: string): string[] {
  // Two lists, whose entries have at least five bytes.
  const result = withinJsonLimits(bytes, [10, bytes.length / 4])
    ? schema.safeParse(parse(bytes, file))
    : undefined;
  if (!result?.success) {
    throw new CheckpointError(
      'checkpoint-other-kind',
      `${file} is not a vocabulary as torch-rnn's preprocess.py writes it: no token_to_idx and idx_to_token.`,
    );
  }
  const { token_to_idx: toIndex, idx_to_token: toToken } = result.data;
  const names = Array.from({ length: Object.keys(toToken).length }, (_, token) => toToken[token + 1] ?? '');
  const agree = names.every((name, token) => Object.hasOwn(toIndex, name) && toIndex[name] === token + 1);
  if (!agree || Object.keys(toIndex).length !== names.length) {
    throw malformed(file, 'its two lists of tokens disagree');
  }
  return names;
}

function parse(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw malformed(file, 'it is not JSON in UTF-8');
  }
}
