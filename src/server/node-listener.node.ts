/** A fetch-style handler as a listener of Node's `http`, and of what is built on it, such as Express. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from './api-error.ts';

export type FetchHandler = (request: Request) => Promise<Response>;
export type NodeListener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/**
 * The request's signal is aborted when the connection is cut before the response has ended; then its body is cancelled, too. A body
 * is read no faster than the socket takes it.
 *
 * What parses bodies must stand behind it, not before.
 */
export function nodeListener(handler: FetchHandler): NodeListener {
  return (incoming, outgoing) => {
    answer(handler, incoming, outgoing).catch((error) => outgoing.destroy(error));
  };
}

async function answer(handler: FetchHandler, incoming: IncomingMessage, outgoing: ServerResponse) {
  const gone = new AbortController();
  outgoing.on('close', () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  let request: Request;
  try {
    request = requestOf(incoming, gone.signal);
  } catch (cause) {
    // A method that fetch forbids, or a header that is none.
    const refusal = new ApiError(400, 'the request is malformed.', { code: 'malformed_request', cause });
    await send(refusal.toResponse(), incoming, outgoing);
    return;
  }
  await send(await handler(request), incoming, outgoing);
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { url = '/', method = 'GET', rawHeaders } = incoming;
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  }
  const init: RequestInit & { duplex?: 'half' } = { method, headers, signal };
  if (method !== 'GET' && method !== 'HEAD') {
    init.body = bodyOf(incoming);
    init.duplex = 'half';
  }
  // Where the server stands does not matter to a handler; what comes before the path may be anything.
  return new Request(`http://localhost${url.startsWith('/') ? url : `/${url}`}`, init);
}

function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let isOpen = true;
        const end = (action: () => void) => {
          if (isOpen) action();
          isOpen = false;
        };
        incoming.on('data', (chunk: Buffer) => {
          if (!isOpen) return;
          controller.enqueue(chunk);
          if ((controller.desiredSize ?? 0) <= 0) incoming.pause();
        });
        incoming.on('end', () => end(() => controller.close()));
        incoming.on('error', (error) => end(() => controller.error(error)));
        incoming.on('close', () => end(() => controller.error(new Error('the connection was cut'))));
        incoming.pause();
      },
      pull() {
        incoming.resume();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 65_536 }),
  );
}

async function send(response: Response, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) {
    await response.body?.cancel();
    return;
  }
  // What the handler did not want to read is thrown away, so that the connection can go on.
  outgoing.on('finish', () => incoming.resume());
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body && incoming.method !== 'HEAD') await pipe(response.body, outgoing);
  else await response.body?.cancel();
  if (!outgoing.destroyed) outgoing.end();
}

/** Writes a body at the pace of the socket. */
async function pipe(body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  const reader = body.getReader();
  let resume = () => {};
  const onDrain = () => resume();
  const onClose = () => {
    reader.cancel().catch(() => {});
    resume();
  };
  outgoing.on('drain', onDrain);
  outgoing.on('close', onClose);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || outgoing.destroyed) return;
      if (outgoing.write(value)) continue;
      await new Promise<void>((resolve) => {
        resume = resolve;
      });
    }
  } finally {
    outgoing.off('drain', onDrain);
    outgoing.off('close', onClose);
  }
}
