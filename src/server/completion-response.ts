/** A completion as it is answered: whole, or as a stream of events. */
import { apiErrorOf } from './api-error.ts';
import type { Choice, Part } from './choice.ts';
import type { Completion } from './completion.ts';

/** Milliseconds between two chunks of a choice. */
const CHUNK_INTERVAL = 20;
/** Bytes that may wait for a slow reader before its texts pause. */
const MOST_BUFFERED = 16_384;

/** The facts that every object of a completion begins with. */
function head({ id, created }: Completion, model: string) {
  return { id, object: 'text_completion', created, model };
}

function usageOf({ promptTokens, completionTokens, cachedTokens }: Completion) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

function choiceObject({ text, logprobs }: Part, index: number, finishReason: Choice['finishReason']) {
  return { text, index, logprobs, finish_reason: finishReason };
}

/** The answer in one piece, once the completion is done. */
export function wholeCompletion(completion: Completion, model: string) {
  return {
    ...head(completion, model),
    choices: completion
      .best()
      .map((choice, index) => choiceObject(choice.takePart(), index, choice.finishReason)),
    usage: usageOf(completion),
  };
}

/**
 * The answer as server-sent events. The first characters of a choice are sent at once, later ones at most every 20 ms.
 *
 * A reader that is slower than the model makes its texts pause; one that goes away ends them.
 *
 * @param onError Told of what ends the stream too early, beside the reader.
 */
export function completionEvents(
  completion: Completion,
  model: string,
  onError: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const { request, job } = completion;
  const usage = request.includeUsage ? { usage: null } : {};
  const encoder = new TextEncoder();
  const sentAt = new Map<Choice, number>();
  let isOpen = true;
  const start = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const isFull = () => (controller.desiredSize ?? 0) <= 0;
    const send = (data: unknown) => {
      if (isOpen)
        controller.enqueue(
          encoder.encode(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`),
        );
    };
    completion.onMore = (choice, index) => {
      const now = performance.now();
      const last = sentAt.get(choice) ?? Number.NEGATIVE_INFINITY;
      if (choice.finishReason === null && now - last < CHUNK_INTERVAL) return;
      const part = choice.takePart();
      // Nothing to send yet: what was drawn may still turn out to belong to a stop string, or is the start of a character.
      // A part without text may still hold log-probabilities, of the bytes of an unfinished character.
      if (part.text === '' && !part.logprobs?.tokens.length && choice.finishReason === null) return;
      sentAt.set(choice, now);
      const choices = [choiceObject(part, index, choice.finishReason)];
      send({ ...head(completion, model), choices, ...usage });
      if (isFull()) job.pause(true);
    };
    const close = () => {
      if (isOpen) controller.close();
      isOpen = false;
    };
    const finish = () => {
      if (request.includeUsage) send({ ...head(completion, model), choices: [], usage: usageOf(completion) });
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
    new ByteLengthQueuingStrategy({ highWaterMark: MOST_BUFFERED }),
  );
}
