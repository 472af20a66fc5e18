/**
 * What the original's checkpoints have no field for: a string of JSON among the options, which the original's programs ignore.
 *
 * With it a file that this program wrote reads back as the model that it was: kind of symbols, normalisation, the unknown symbol, precision.
 */
import * as z from 'zod/mini';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { malformed } from './errors.ts';
import { Table, type Value } from './values.ts';

/** The option's name. */
export const FACTS_OPTION = 'char_rnn_ts';
const LONGEST_FACTS = 1000;

const factsSchema = z.object({
  tokens: z.enum(['character', 'byte', 'grapheme']),
  normalize: z.enum(['none', 'nfc']),
  /** Whether the symbol with the greatest number is the unknown one. */
  hasUnknown: z.boolean(),
  unicodeVersion: z.optional(z.string()),
  precision: z.enum(['float32', 'float64']),
});

export type StoredFacts = z.output<typeof factsSchema>;

/** Undefined for a model such as the original's own, which has nothing else to say. */
export function encodeFacts({ vocabulary, precision }: Checkpoint): string | undefined {
  const { kind: tokens, normalize, hasUnknown, unicodeVersion } = vocabulary;
  if (tokens === 'byte' && normalize === 'none' && !hasUnknown && precision === 'float64') return undefined;
  const facts: StoredFacts = { tokens, normalize, hasUnknown, unicodeVersion, precision };
  return JSON.stringify(facts);
}

/**
 * The facts among the options of a file; undefined where this program did not write it.
 *
 * @throws {Torch7Fault} `torch7-malformed`
 */
export function factsOf(options: Value): StoredFacts | undefined {
  const json = options instanceof Table ? options.get(FACTS_OPTION) : null;
  if (json === null) return undefined;
  const isShort = typeof json === 'string' && json.length <= LONGEST_FACTS;
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
