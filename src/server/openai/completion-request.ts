/** Parses the body of a completion request: OpenAI's fields, and further controls of the `sample` command. */
import * as z from 'zod/mini';
import { checkFields, field, invalidField, isListOf, isText } from '../http/request-fields.ts';
import type { ServerOptions } from '../options.ts';
import { DEFAULT_COMPLETION_TOKENS } from './max-tokens.ts';
import type { ParamNames } from './request-limits.ts';
import {
  flagField,
  type SamplingRequest,
  samplingFields,
  samplingRequest,
  type Unknown,
  wholeField,
} from './sampling-fields.ts';

/** A request's prompt: a text, or token ids. */
export type Prompt = string | number[];

/** OpenAI's maximum of alternatives in completions. */
const MAX_LOGPROBS = 5;

type GivenPrompt = string | number[] | string[] | number[][];

const isToken = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
/** Whether a value is one or more token ids. */
export const isTokens = (value: unknown): value is number[] => isListOf(value, isToken);

function isPrompt(value: unknown): value is GivenPrompt {
  return isText(value) || isTokens(value) || isListOf(value, isText) || isListOf(value, isTokens);
}

const schema = z.object({
  ...samplingFields,
  prompt: field(
    z.custom<GivenPrompt>(isPrompt),
    'a text, an array of texts, of token ids, or of arrays of token ids',
  ),
  best_of: wholeField(1, 128),
  logprobs: wholeField(0, MAX_LOGPROBS),
  echo: flagField(),
  suffix: field(z.string(), 'a text'),
});

export interface CompletionRequest extends SamplingRequest {
  readonly prompts: readonly Prompt[];
  /** How many texts to write for each prompt; the likeliest `n` of them are returned. */
  readonly bestOf: number;
  /** How many alternatives to list for each token; undefined if no log-probabilities are wanted. */
  readonly logprobs: number | undefined;
  readonly echo: boolean;
  readonly unknown: Unknown;
  /** The fields to name in errors about the prompt and the number of texts. */
  readonly paramNames: Required<ParamNames>;
}

/**
 * Parses the body of a completion request.
 *
 * @throws {ApiError} 400, naming the field
 */
export function parseCompletionRequest(body: unknown, options: ServerOptions): CompletionRequest {
  const fields = checkFields(schema, body, options.strict);
  const length = {
    name: 'max_tokens',
    value: fields.max_tokens,
    byDefault: DEFAULT_COMPLETION_TOKENS,
  } as const;
  const sampling = samplingRequest(fields, length, options);
  const { n, stream } = sampling;
  const bestOf = fields.best_of ?? n;
  if (bestOf < n) throw invalidField('best_of', `got ${bestOf}, expected at least n, which is ${n}`);
  if (stream && bestOf > n) {
    throw invalidField(
      'best_of',
      'the best texts are known only at the end, so it cannot be combined with stream',
    );
  }
  if (fields.suffix) {
    throw invalidField('suffix', 'the model reads from left to right: it cannot write up to a given end');
  }
  return {
    ...sampling,
    prompts: promptsOf(fields.prompt ?? ''),
    bestOf,
    logprobs: fields.logprobs ?? undefined,
    echo: fields.echo ?? false,
    unknown: fields.unknown ?? 'error',
    paramNames: { prompt: 'prompt', count: bestOf > n ? 'best_of' : 'n' },
  };
}

function promptsOf(prompt: GivenPrompt): Prompt[] {
  if (typeof prompt === 'string') return [prompt];
  return typeof prompt[0] === 'number' ? [prompt as number[]] : (prompt as Prompt[]);
}
