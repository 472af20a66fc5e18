/** The two response formats: text completions and chat completions. */
import type { Vocabulary } from '../../data/vocabulary.ts';
import type { Choice, ChoicePart } from './choice.ts';
import { chatLogprobs, completionLogprobs } from './token-logprobs.ts';

/** A part of a choice, or the whole choice, with everything that a format needs to write it. */
export interface FormattedPart extends ChoicePart {
  readonly index: number;
  readonly finishReason: Choice['finishReason'];
  readonly vocabulary: Vocabulary;
  /** Number of alternatives that the request asked for, for each token. */
  readonly alternatives: number;
}

export interface AnswerFormat {
  readonly idPrefix: string;
  /** The field `object` of a whole response. */
  readonly object: string;
  /** The field `object` of a streamed chunk. */
  readonly chunkObject: string;
  /** The JSON of a whole choice. */
  choice(part: FormattedPart): unknown;
  /** The streamed chunks for a part of a choice. @param isFirst Whether this is the first part of the choice. */
  chunks(part: FormattedPart, isFirst: boolean): readonly unknown[];
}

export const completionFormat: AnswerFormat = {
  idPrefix: 'cmpl-',
  object: 'text_completion',
  chunkObject: 'text_completion',
  choice: completionChoice,
  chunks: (part) => [completionChoice(part)],
};

function completionChoice({ text, index, rated, finishReason, vocabulary }: FormattedPart) {
  const logprobs = rated && completionLogprobs(vocabulary, rated);
  return { text, index, logprobs, finish_reason: finishReason };
}

export const chatFormat: AnswerFormat = {
  idPrefix: 'chatcmpl-',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  choice: (part) => ({
    index: part.index,
    message: { role: 'assistant', content: part.text, refusal: null },
    logprobs: logprobsOf(part),
    finish_reason: part.finishReason,
  }),
  chunks(part, isFirst) {
    const { index, text, rated, finishReason } = part;
    const chunk = (delta: object, logprobs: unknown = null, finish: string | null = null) => ({
      index,
      delta,
      logprobs,
      finish_reason: finish,
    });
    return [
      ...(isFirst ? [chunk({ role: 'assistant', content: '' })] : []),
      ...(text !== '' || rated?.length ? [chunk({ content: text }, logprobsOf(part))] : []),
      ...(finishReason === null ? [] : [chunk({}, null, finishReason)]),
    ];
  },
};

function logprobsOf({ rated, vocabulary, alternatives }: FormattedPart) {
  return rated && chatLogprobs(vocabulary, rated, alternatives);
}
