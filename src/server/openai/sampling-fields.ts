/** The fields that completions and chats share: OpenAI's, and further controls of the `sample` command. */
import * as z from 'zod/mini';
import type { ControlOptions } from '../../sample/choice/controls.ts';
import type { FormOptions } from '../../sample/form/form.ts';
import type { UnknownInPrompt } from '../../sample/prompt.ts';
import { field, invalidField, isText } from '../http/request-fields.ts';
import type { ServerOptions } from '../options.ts';
import { controlFields, controlsOf } from './control-fields.ts';
import { type LengthField, maxTokensField, maxTokensOf } from './max-tokens.ts';

export const wholeField = (minimum: number, maximum: number) =>
  field(
    z.int().check(z.minimum(minimum), z.maximum(maximum)),
    `a whole number from ${minimum} to ${maximum}`,
  );
export const modelField = () => field(z.string(), "a model's name");
export const flagField = () => field(z.boolean(), 'true or false');
export const unknownField = () => field(z.enum(['error', 'skip', 'nearest']), 'error, skip or nearest');

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

/** Maximum characters of an expression or a template: each may be tested against every token of the vocabulary. */
const MAX_FORM = 1000;
const formField = (kind: string) =>
  field(z.string().check(z.maxLength(MAX_FORM)), `${kind} of at most ${MAX_FORM} characters`);

/** Maximum characters of `hold`: some hundred units. */
const MAX_HOLD = 4000;
const isShort = (value: unknown): value is string => typeof value === 'string' && value.length <= MAX_HOLD;

function isHold(value: unknown): value is string | string[] {
  return isShort(value) || (Array.isArray(value) && value.every(isShort) && isShort(value.join(',')));
}

export const samplingFields = {
  model: modelField(),
  max_tokens: maxTokensField(),
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
  logit_bias: field(
    z.custom<Record<string, number>>(isBias),
    'an object with token ids as keys and numbers from -100 to 100',
  ),
  user: field(z.string(), 'a text'),
  unknown: unknownField(),
  match: formField('a regular expression'),
  template: formField('a text'),
  hold: field(
    z.custom<string | string[]>(isHold),
    'units with a value each, such as "2.108=0.9,1.3=-1", or a list of such texts',
  ),
  ...controlFields,
};

type SamplingFields = z.output<z.ZodMiniObject<typeof samplingFields>>;

/** The rule for characters that the model does not know. */
export type Unknown = Exclude<UnknownInPrompt, 'auto'>;

/** The options of a request's texts, with the defaults filled in. */
export interface SamplingRequest {
  readonly model: string | undefined;
  readonly maxTokens: number;
  /** How many texts to return for each prompt. */
  readonly n: number;
  readonly seed: number;
  readonly stop: readonly string[];
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** What to add to log-probabilities, by token id. */
  readonly bias: ReadonlyMap<number, number>;
  /** The controls without the bias. */
  readonly controls: ControlOptions;
  readonly form: FormOptions;
  /** Units to hold, as in `2.108=0.9`. */
  readonly hold: readonly string[];
}

/**
 * The part of a request that completions and chats share.
 *
 * @throws {ApiError} 400 for fields that contradict each other, and for more tokens than the server allows
 */
export function samplingRequest(
  fields: SamplingFields,
  length: LengthField,
  options: ServerOptions,
): SamplingRequest {
  const stream = fields.stream ?? false;
  if (fields.stream_options && !stream) {
    throw invalidField('stream_options', 'it requires stream: true');
  }
  return {
    model: fields.model ?? undefined,
    maxTokens: maxTokensOf(length, options),
    n: fields.n ?? 1,
    seed: reducedSeed(fields.seed ?? randomSeed()),
    stop: typeof fields.stop === 'string' ? [fields.stop] : (fields.stop ?? []),
    stream,
    includeUsage: fields.stream_options?.include_usage ?? false,
    bias: new Map(
      Object.entries(fields.logit_bias ?? {}).map(([token, addition]) => [Number(token), addition]),
    ),
    controls: controlsOf(fields),
    form: { match: fields.match ?? undefined, template: fields.template ?? undefined },
    hold: [fields.hold ?? []].flat(),
  };
}

/** A seed modulo 2³², which is what the random number generator takes. */
function reducedSeed(seed: number): number {
  return ((seed % MAX_SEEDS) + MAX_SEEDS) % MAX_SEEDS;
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] as number;
}
