/** A completion as it is answered: whole, or as a stream of events. */

import { jsonText } from '../http/json.ts';
import type { AnswerFormat, FormattedPart } from './answer-format.ts';
import type { Choice } from './choice.ts';
import type { Completion } from './completion.ts';
import { apiErrorOf } from './request-errors.ts';

/** Milliseconds between two chunks of a choice. */
const CHUNK_INTERVAL = 20;
/** Bytes that may wait for a slow reader before its texts pause. */
const MAX_BUFFERED = 16_384;

/** How an answer is written. */
export interface Answer {
  readonly format: AnswerFormat;
  /** The model's name. */
  readonly model: string;
}

/** What every object of an answer begins with. */
function head({ id, created }: Completion, { format, model }: Answer, object: string) {
  return { id: format.idPrefix + id, object, created, model };
}

function usageOf({ promptTokens, completionTokens, cachedTokens }: Completion) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

/** What has come of a choice since the last call. */
function partOf({ vocabulary, request }: Completion, choice: Choice, index: number): FormattedPart {
  return {
    ...choice.takePart(),
    index,
    finishReason: choice.finishReason,
    vocabulary,
    alternatives: request.logprobs ?? 0,
  };
}

/** The answer in one piece, once the completion is done. */
export function wholeCompletion(completion: Completion, answer: Answer) {
  return {
    ...head(completion, answer, answer.format.object),
    choices: completion
      .best()
      .map((choice, index) => answer.format.choice(partOf(completion, choice, index))),
    usage: usageOf(completion),
  };
}

/**
 * The answer as server-sent events. The first characters of a choice are sent at once, later ones at most every 20 ms.
 *
 * The texts of a slow reader pause; those of one that goes away end.
 *
 * @param onError Called, like the reader, with what ends the stream too early.
 */
export function completionEvents(
  completion: Completion,
  answer: Answer,
  onError: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const { request, job } = completion;
  const usage = request.includeUsage ? { usage: null } : {};
  const encoder = new TextEncoder();
  const sentAt = new Map<Choice, number>();
  // Only log-probabilities have maps.
  const toText = request.logprobs === undefined ? JSON.stringify : jsonText;
  const chunkHead = head(completion, answer, answer.format.chunkObject);
  let isOpen = true;
  const start = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const isFull = () => (controller.desiredSize ?? 0) <= 0;
    const send = (data: unknown) => {
      if (isOpen)
        controller.enqueue(encoder.encode(`data: ${typeof data === 'string' ? data : toText(data)}\n\n`));
    };
    completion.onMore = (choice, index) => {
      const now = performance.now();
      const last = sentAt.get(choice) ?? Number.NEGATIVE_INFINITY;
      if (choice.finishReason === null && now - last < CHUNK_INTERVAL) return;
      const part = partOf(completion, choice, index);
      // What was drawn may still turn out to belong to a stop string, or is the start of a character. A part without text may still hold
      // the log-probabilities of such bytes.
      const isEmpty = part.text === '' && !part.rated?.length;
      if (isEmpty && choice.finishReason === null) return;
      for (const chunk of answer.format.chunks(part, !sentAt.has(choice))) {
        send({ ...chunkHead, choices: [chunk], ...usage });
      }
      sentAt.set(choice, now);
      if (isFull()) job.pause(true);
    };
    const close = () => {
      if (isOpen) controller.close();
      isOpen = false;
    };
    const finish = () => {
      if (request.includeUsage) send({ ...chunkHead, choices: [], usage: usageOf(completion) });
      send('[DONE]');
      close();
    };
    const fail = (error: unknown) => {
      if (!isOpen) return;
      onError(error);
      // One that does not read would never come to the message: its connection is cut.
      if (isFull()) {
        isOpen = false;
        controller.error(error);
        return;
      }
      send(apiErrorOf(error));
      close();
    };
    job.done.then(finish, fail);
  };
  const cancel = (reason: unknown) => {
    isOpen = false;
    job.cancel(reason ?? new DOMException('the reader went away', 'AbortError'));
  };
  return new ReadableStream<Uint8Array>(
    { start, pull: () => job.pause(false), cancel },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_BUFFERED }),
  );
}
