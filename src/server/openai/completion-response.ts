/** The response to a completion request: one JSON value, or a stream of server-sent events. */
import { jsonText } from '../http/json.ts';
import type { AnswerFormat, FormattedPart } from './answer-format.ts';
import type { Choice } from './choice.ts';
import type { Completion } from './completion.ts';
import { apiErrorOf } from './request-errors.ts';

/** Minimum milliseconds between two chunks of a choice. */
const CHUNK_INTERVAL = 20;
/** Maximum bytes that wait for a slow reader. Beyond that, its sequences pause. */
const MAX_BUFFERED = 16_384;

/** How to write the response. */
export interface Answer {
  readonly format: AnswerFormat;
  /** The model's name. */
  readonly model: string;
}

/** The fields at the start of every object of a response. */
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

/** The part of a choice since the last call. */
function partOf({ vocabulary, request }: Completion, choice: Choice, index: number): FormattedPart {
  return {
    ...choice.takePart(),
    index,
    finishReason: choice.finishReason,
    vocabulary,
    alternatives: request.logprobs ?? 0,
  };
}

/** The whole response. The completion must be done. */
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
 * The response as server-sent events. The first characters of a choice are sent immediately, later ones at most every 20 ms.
 *
 * If the reader is slow, the sequences pause. If it goes away, they end.
 *
 * @param onError Called with an error that ends the stream early. The reader gets it as well.
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
  // Only log-probabilities contain Maps.
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
      // There may be no text yet: the new tokens may be part of a stop string, or bytes of an unfinished character, which have
      // log-probabilities nevertheless.
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
      // A reader that does not read would never get the message, so its connection is cut.
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
