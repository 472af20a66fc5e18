/** The two forms of an answer: a text completion, and a chat completion. */
import type { Vocabulary } from '../../data/vocabulary.ts';
import type { Choice, ChoicePart } from './choice.ts';
import { chatLogprobs, completionLogprobs } from './token-logprobs.ts';

/** A part of a choice, or all of it, as a format writes it. */
export interface FormattedPart extends ChoicePart {
  readonly index: number;
  readonly finishReason: Choice['finishReason'];
  readonly vocabulary: Vocabulary;
  /** Alternatives of each token that the request asked for. */
  readonly alternatives: number;
}

export interface AnswerFormat {
  readonly idPrefix: string;
  /** `object` of a whole answer, and of a chunk of a stream. */
  readonly object: string;
  readonly chunkObject: string;
  /** A whole choice. */
  choice(part: FormattedPart): unknown;
  /** The stream chunks for a part of a choice. @param isFirst Whether nothing was sent of the choice before. */
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
