/** Bodies of responses that are produced while they are read, so that a slow reader gets fewer pieces instead of late ones. */
import type { RunChange } from '../protocol.ts';

/** Milliseconds after which a silent stream sends a comment, so that a connection that is gone is noticed. */
const HEARTBEAT = 15_000;

/**
 * A body from pieces, each made when the reader is ready for it.
 *
 * @param onCancel Called if the reader disconnects, perhaps before it has taken the first piece.
 */
export function bodyOf(
  pieces: AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>,
  onCancel: () => Promise<void> = async () => {},
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value } = await pieces.next();
        if (value) controller.enqueue(value);
        else controller.close();
      },
      async cancel() {
        await pieces.return();
        await onCancel();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Changes as server-sent events (HTML standard, section 9.2). */
export async function* serverSentEvents(
  changes: AsyncGenerator<RunChange, void, void>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  const encoder = new TextEncoder();
  try {
    for (let next = changes.next(); ; ) {
      const result = await orSilence(next);
      if (!result) {
        yield encoder.encode(': \n\n');
        continue;
      }
      if (result.done) return;
      yield encoder.encode(`id: ${result.value.position}\ndata: ${JSON.stringify(result.value)}\n\n`);
      next = changes.next();
    }
  } finally {
    // Not awaited: it may be waiting for a change, until the request's signal is aborted.
    changes.return().catch(() => {});
  }
}

/** A result; undefined if it takes longer than a heartbeat. */
async function orSilence<T>(result: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), HEARTBEAT);
  });
  return Promise.race([result, silence]).finally(() => clearTimeout(timer));
}
