/**
 * Facts for which the original's checkpoints have no field, as a JSON string among the options. The original's programs ignore it.
 *
 * With it, this program reads back exactly the model that it wrote: kind of symbols, normalisation, unknown symbol and precision.
 */
import * as z from 'zod/mini';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { malformed } from './errors.ts';
import { Table, type Value } from './values.ts';

/** The option's name. */
export const FACTS_OPTION = 'char_rnn_ts';
const MAX_FACTS = 1000;

const factsSchema = z.object({
  tokens: z.enum(['character', 'byte', 'grapheme']),
  normalize: z.enum(['none', 'nfc']),
  /** Whether the symbol with the highest number is the unknown one. */
  hasUnknown: z.boolean(),
  unicodeVersion: z.optional(z.string()),
  precision: z.enum(['float32', 'float64']),
});

export type StoredFacts = z.output<typeof factsSchema>;

/** The JSON string; undefined for a model like the original's, which needs none. */
export function encodeFacts({ vocabulary, precision }: Checkpoint): string | undefined {
  const { kind: tokens, normalize, hasUnknown, unicodeVersion } = vocabulary;
  if (tokens === 'byte' && normalize === 'none' && !hasUnknown && precision === 'float64') return undefined;
  const facts: StoredFacts = { tokens, normalize, hasUnknown, unicodeVersion, precision };
  return JSON.stringify(facts);
}

/**
 * Reads the facts from the options of a file; undefined if it has none.
 *
 * @throws {Torch7Fault} `torch7-malformed`
 */
export function factsOf(options: Value): StoredFacts | undefined {
  const json = options instanceof Table ? options.get(FACTS_OPTION) : null;
  if (json === null) return undefined;
  const isShort = typeof json === 'string' && json.length <= MAX_FACTS;
  const result = isShort ? factsSchema.safeParse(parsed(json)) : undefined;
  if (!result?.success) throw malformed(`its option ${FACTS_OPTION} is not what this program writes`);
  return result.data;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
