/**
 * Scores texts: the log-probability of every token but the first, starting from the zero state.
 *
 * The first token is not counted: its probability is uniform and says nothing about the model. The model's pool reads the texts together
 * with the running completions.
 */
import * as z from 'zod/mini';
import type { Vocabulary } from '../../data/vocabulary.ts';
import type { SequencePool } from '../../sample/pool/pool.ts';
import { tooShort } from '../../score/score-text.ts';
import { summarize } from '../../score/summary.ts';
import { checkFields, field, isListOf, isText } from '../http/request-fields.ts';
import { Job } from '../job.ts';
import type { ServerOptions } from '../options.ts';
import type { ServedModel } from '../served-model.ts';
import { encodeText } from './encode-text.ts';
import { blameField } from './request-errors.ts';
import { modelField, type Unknown, unknownField } from './sampling-fields.ts';
import { tokenText } from './token-logprobs.ts';

const schema = z.object({
  model: modelField(),
  input: field(
    z.custom<string | string[]>((value) => isText(value) || isListOf(value, isText)),
    'a text, or an array of texts',
  ),
  unknown: unknownField(),
});

export interface ScoreRequest {
  readonly model: string | undefined;
  readonly inputs: readonly string[];
  readonly unknown: Unknown;
}

/** @throws {ApiError} 400, naming the field */
export function parseScoreRequest(body: unknown, options: ServerOptions): ScoreRequest {
  const { model, input, unknown } = checkFields(schema, body, options.strict);
  return {
    model: model ?? undefined,
    inputs: typeof input === 'string' ? [input] : (input ?? ['']),
    unknown: unknown ?? 'error',
  };
}

export class Scoring {
  readonly job = new Job();
  readonly #served: ServedModel;
  readonly #inputs: readonly { readonly tokens: readonly number[]; readonly logprobs: Float64Array }[];

  /** @throws {ApiError} 400 for a text with unknown characters, or with fewer than two tokens */
  constructor(request: ScoreRequest, served: ServedModel) {
    this.#served = served;
    this.#inputs = request.inputs.map((input) => {
      const tokens = tokensOf(served.model.vocabulary, input, request.unknown);
      return { tokens, logprobs: new Float64Array(tokens.length) };
    });
  }

  get promptTokens(): number {
    return this.#inputs.reduce((sum, { tokens }) => sum + tokens.length, 0);
  }

  /** Number of sequences that it needs. */
  get size(): number {
    return this.#inputs.length;
  }

  start(pool: SequencePool): void {
    let left = this.#inputs.length;
    for (const { tokens, logprobs } of this.#inputs) {
      const handle = pool.start({
        prompt: tokens,
        sequences: [],
        onPrompt: (position, row) => {
          logprobs[position] = row[tokens[position] as number] as number;
        },
        onRead: () => {
          left--;
          if (left === 0) this.job.finish();
        },
        onFailure: (error) => this.job.cancel(error),
      });
      this.job.add(handle);
    }
  }

  /** The response. The job must be done. */
  toJSON() {
    const { name, model } = this.#served;
    return {
      object: 'list',
      model: name,
      data: this.#inputs.map(({ tokens, logprobs }, index) => {
        const rated = Array.from(logprobs.subarray(1));
        const summary = summarize(rated.length, -rated.reduce((sum, value) => sum + value, 0));
        return {
          object: 'score',
          index,
          tokens: tokens.map((token) => tokenText(model.vocabulary, token)),
          token_ids: tokens,
          token_logprobs: [null, ...rated],
          characters: summary.characters,
          nats: summary.nats,
          nats_per_character: summary.natsPerCharacter,
          bits_per_character: summary.bitsPerCharacter,
          perplexity: summary.perplexity,
        };
      }),
      usage: { prompt_tokens: this.promptTokens, total_tokens: this.promptTokens },
    };
  }
}

function tokensOf(vocabulary: Vocabulary, input: string, unknown: Unknown): readonly number[] {
  const tokens = encodeText(vocabulary, input, unknown, 'input');
  return blameField('input', () => {
    if (tokens.length < 2) throw tooShort('the input', tokens.length);
    return tokens;
  });
}
