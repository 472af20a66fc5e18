/** The body of a completion request: OpenAI's fields, and the controls of `sample` beside them. */
import * as z from 'zod/mini';
import { ApiError } from './api-error.ts';
import { checkFields, field, isListOf, isText } from './request-fields.ts';

/** A request's prompt: a text, or token ids. */
export type Prompt = string | number[];

const number = (minimum: number, maximum: number) =>
  field(z.number().check(z.minimum(minimum), z.maximum(maximum)), `a number from ${minimum} to ${maximum}`);
const whole = (minimum: number, maximum: number) =>
  field(
    z.int().check(z.minimum(minimum), z.maximum(maximum)),
    `a whole number from ${minimum} to ${maximum}`,
  );
const share = () =>
  field(z.number().check(z.gt(0), z.maximum(1)), 'a number greater than 0 and of at most 1');
const flag = () => field(z.boolean(), 'true or false');
type GivenPrompt = string | number[] | string[] | number[][];

const isToken = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isTokens = (value: unknown): value is number[] => isListOf(value, isToken);

function isPrompt(value: unknown): value is GivenPrompt {
  return isText(value) || isTokens(value) || isListOf(value, isText) || isListOf(value, isTokens);
}

function isBias(value: unknown): value is Record<string, number> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([id, addition]) => /^\d+$/.test(id) && typeof addition === 'number' && Math.abs(addition) <= 100,
  );
}

const MOST_STOPS = 4;
const isStopText = (value: unknown): value is string => isText(value) && value !== '';

function isStop(value: unknown): value is string | string[] {
  // An empty list is what some clients send for none.
  return isStopText(value) || (Array.isArray(value) && value.length <= MOST_STOPS && value.every(isStopText));
}

const schema = z.strictObject({
  model: field(z.string(), "a model's name"),
  prompt: field(
    z.custom<GivenPrompt>(isPrompt),
    'a text, an array of texts, of token ids, or of arrays of token ids',
  ),
  max_tokens: field(z.int().check(z.minimum(0)), 'a whole number of at least 0'),
  temperature: number(0, 2),
  top_p: number(0, 1),
  n: whole(1, 128),
  best_of: whole(1, 128),
  stop: field(
    z.custom<string | string[]>(isStop),
    `a text, or up to ${MOST_STOPS} of them, none of them empty`,
  ),
  seed: field(z.int(), 'a whole number'),
  logprobs: whole(0, 5),
  echo: flag(),
  stream: flag(),
  stream_options: field(
    z.strictObject({ include_usage: z.nullish(z.boolean()), include_obfuscation: z.nullish(z.boolean()) }),
    'an object with include_usage: true or false',
  ),
  presence_penalty: number(-2, 2),
  frequency_penalty: number(-2, 2),
  logit_bias: field(
    z.custom<Record<string, number>>(isBias),
    'an object with token ids as keys and numbers from -100 to 100',
  ),
  suffix: field(z.string(), 'a text'),
  user: field(z.string(), 'a text'),
  top_k: field(z.int().check(z.minimum(0)), 'a whole number of at least 0'),
  min_p: number(0, 1),
  typical_p: share(),
  repetition_penalty: field(z.number().check(z.gt(0), z.maximum(1000)), 'a number greater than 0'),
  unknown: field(z.enum(['error', 'skip', 'nearest']), 'error, skip or nearest'),
});

export interface CompletionRequest {
  readonly model: string | undefined;
  readonly prompts: readonly Prompt[];
  readonly maxTokens: number;
  /** Choices of each prompt. */
  readonly n: number;
  /** Texts that are written of each prompt, of which the likeliest `n` are given. */
  readonly bestOf: number;
  readonly seed: number;
  /** Most likely alternatives of each token; undefined where no probabilities are wanted. */
  readonly logprobs: number | undefined;
  readonly echo: boolean;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly stop: readonly string[];
  readonly unknown: 'error' | 'skip' | 'nearest';
  /** Additions to log-probabilities, by token id. */
  readonly bias: ReadonlyMap<number, number>;
  readonly controls: {
    readonly temperature: number;
    readonly topP: number;
    readonly topK: number;
    readonly minP: number;
    readonly typicalP: number;
    readonly repetitionPenalty: number;
    readonly presencePenalty: number;
    readonly frequencyPenalty: number;
  };
}

/**
 * A completion request from its body.
 *
 * @throws {ApiError} 400, naming the field
 */
export function parseCompletionRequest(body: unknown): CompletionRequest {
  const fields = checkFields(schema, body);
  const n = fields.n ?? 1;
  const bestOf = fields.best_of ?? n;
  const stream = fields.stream ?? false;
  if (bestOf < n) throw invalid('best_of', `got ${bestOf}, expected at least n, which is ${n}`);
  if (stream && bestOf > n) {
    throw invalid('best_of', 'the best are known only at the end: it can not go with stream');
  }
  if (fields.stream_options && !stream) throw invalid('stream_options', 'it goes only with stream: true');
  if (fields.suffix) {
    throw invalid('suffix', 'the model reads from left to right: it can not write up to a given end');
  }
  return {
    model: fields.model ?? undefined,
    prompts: promptsOf(fields.prompt ?? ''),
    maxTokens: fields.max_tokens ?? 16,
    n,
    bestOf,
    // As the generator takes it.
    seed: (fields.seed ?? randomSeed()) >>> 0,
    logprobs: fields.logprobs ?? undefined,
    echo: fields.echo ?? false,
    stream,
    includeUsage: fields.stream_options?.include_usage ?? false,
    stop: typeof fields.stop === 'string' ? [fields.stop] : (fields.stop ?? []),
    unknown: fields.unknown ?? 'error',
    bias: new Map(Object.entries(fields.logit_bias ?? {}).map(([id, value]) => [Number(id), value])),
    controls: {
      temperature: fields.temperature ?? 1,
      // OpenAI allows 0, which leaves the likeliest token alone.
      topP: fields.top_p === 0 ? Number.MIN_VALUE : (fields.top_p ?? 1),
      topK: fields.top_k ?? 0,
      minP: fields.min_p ?? 0,
      typicalP: fields.typical_p ?? 1,
      repetitionPenalty: fields.repetition_penalty ?? 1,
      presencePenalty: fields.presence_penalty ?? 0,
      frequencyPenalty: fields.frequency_penalty ?? 0,
    },
  };
}

function promptsOf(prompt: GivenPrompt): Prompt[] {
  if (typeof prompt === 'string') return [prompt];
  return typeof prompt[0] === 'number' ? [prompt as number[]] : (prompt as Prompt[]);
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] as number;
}

function invalid(param: string, reason: string): ApiError {
  return new ApiError(400, `${param}: ${reason}.`, { param, code: 'invalid_value' });
}
