/** The fields that completions and chats share: OpenAI's, and the controls of `sample` beside them. */
import * as z from 'zod/mini';
import type { UnknownRule } from '../sample/prompt.ts';
import type { ServerOptions } from './options.ts';
import { field, invalidField, isText } from './request-fields.ts';

const numberField = (minimum: number, maximum: number) =>
  field(z.number().check(z.minimum(minimum), z.maximum(maximum)), `a number from ${minimum} to ${maximum}`);
export const wholeField = (minimum: number, maximum: number) =>
  field(
    z.int().check(z.minimum(minimum), z.maximum(maximum)),
    `a whole number from ${minimum} to ${maximum}`,
  );
export const modelField = () => field(z.string(), "a model's name");
export const flagField = () => field(z.boolean(), 'true or false');
export const unknownField = () => field(z.enum(['error', 'skip', 'nearest']), 'error, skip or nearest');
/** A whole number of at least 0, or −1, which many clients send for "no limit". */
export const limitField = () =>
  field(z.int().check(z.minimum(-1)), 'a whole number of at least 0, or -1 for the maximum');

const MAX_STOPS = 4;
const MAX_SEEDS = 2 ** 32;
const isStopText = (value: unknown): value is string => isText(value) && value !== '';

function isStop(value: unknown): value is string | string[] {
  // Some clients send an empty list for none.
  return isStopText(value) || (Array.isArray(value) && value.length <= MAX_STOPS && value.every(isStopText));
}

function isBias(value: unknown): value is Record<string, number> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([id, addition]) => /^\d+$/.test(id) && typeof addition === 'number' && Math.abs(addition) <= 100,
  );
}

export const samplingFields = {
  model: modelField(),
  max_tokens: limitField(),
  temperature: numberField(0, 2),
  top_p: numberField(0, 1),
  n: wholeField(1, 128),
  stop: field(
    z.custom<string | string[]>(isStop),
    `a text, or up to ${MAX_STOPS} of them, none of them empty`,
  ),
  // Not z.int(): it refuses the large seeds that clients draw from 64 bits.
  seed: field(z.custom<number>(Number.isInteger), 'a whole number'),
  stream: flagField(),
  stream_options: field(
    z.object({ include_usage: z.nullish(z.boolean()) }),
    'an object with include_usage: true or false',
  ),
  presence_penalty: numberField(-2, 2),
  frequency_penalty: numberField(-2, 2),
  logit_bias: field(
    z.custom<Record<string, number>>(isBias),
    'an object with token ids as keys and numbers from -100 to 100',
  ),
  user: field(z.string(), 'a text'),
  top_k: limitField(),
  min_p: numberField(0, 1),
  typical_p: field(z.number().check(z.gt(0), z.maximum(1)), 'a number greater than 0 and of at most 1'),
  repetition_penalty: field(z.number().check(z.gt(0), z.maximum(1000)), 'a number greater than 0'),
  unknown: unknownField(),
};

const samplingSchema = z.object(samplingFields);
type SamplingFields = z.output<typeof samplingSchema>;

/** What to do with characters that the model does not know. */
export type Unknown = Exclude<UnknownRule, 'auto'>;

/** What a request asks of its texts, with the defaults filled in. */
export interface SamplingRequest {
  readonly model: string | undefined;
  readonly maxTokens: number;
  /** Texts of each prompt that are given. */
  readonly n: number;
  readonly seed: number;
  readonly stop: readonly string[];
  readonly stream: boolean;
  readonly includeUsage: boolean;
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
 * @param maxTokens The request's; null or undefined for the default.
 * @throws {ApiError} 400 for fields that do not go together
 */
export function samplingRequest(
  fields: SamplingFields,
  maxTokens: number | null | undefined,
  defaultMaxTokens: number,
  options: ServerOptions,
): SamplingRequest {
  const stream = fields.stream ?? false;
  if (fields.stream_options && !stream) {
    throw invalidField('stream_options', 'it goes only with stream: true');
  }
  return {
    model: fields.model ?? undefined,
    maxTokens: maxTokens === -1 ? options.maxTokens : (maxTokens ?? defaultMaxTokens),
    n: fields.n ?? 1,
    seed: reducedSeed(fields.seed ?? randomSeed()),
    stop: typeof fields.stop === 'string' ? [fields.stop] : (fields.stop ?? []),
    stream,
    includeUsage: fields.stream_options?.include_usage ?? false,
    bias: new Map(
      Object.entries(fields.logit_bias ?? {}).map(([token, addition]) => [Number(token), addition]),
    ),
    controls: {
      temperature: fields.temperature ?? 1,
      // OpenAI allows 0, which leaves the likeliest token alone.
      topP: fields.top_p === 0 ? Number.MIN_VALUE : (fields.top_p ?? 1),
      topK: Math.max(0, fields.top_k ?? 0),
      minP: fields.min_p ?? 0,
      typicalP: fields.typical_p ?? 1,
      repetitionPenalty: fields.repetition_penalty ?? 1,
      presencePenalty: fields.presence_penalty ?? 0,
      frequencyPenalty: fields.frequency_penalty ?? 0,
    },
  };
}

/** A seed modulo 2³², as the generator takes it. */
function reducedSeed(seed: number): number {
  return ((seed % MAX_SEEDS) + MAX_SEEDS) % MAX_SEEDS;
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] as number;
}
