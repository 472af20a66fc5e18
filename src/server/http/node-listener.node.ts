/** A server as a request listener of Node's `http` and of frameworks that are built on it, such as Express. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BodyReader, IncomingRequest } from './incoming-request.ts';

export type RequestHandler = (request: IncomingRequest) => Promise<Response>;
export type NodeListener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/**
 * If the connection is cut before the response has ended, the request's signal is aborted and the response's body is cancelled. The
 * response's body is read no faster than the socket accepts it.
 *
 * Middleware that parses request bodies must come after this listener, not before.
 */
export function nodeListener(handler: RequestHandler): NodeListener {
  return (incoming, outgoing) => {
    answer(handler, incoming, outgoing).catch((error) => outgoing.destroy(error));
  };
}

async function answer(handler: RequestHandler, incoming: IncomingMessage, outgoing: ServerResponse) {
  const gone = new AbortController();
  outgoing.on('close', () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  await send(await handler(requestOf(incoming, gone.signal)), incoming, outgoing);
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): IncomingRequest {
  const { url = '/', method = 'GET' } = incoming;
  return {
    method,
    // The server uses only the path, so any origin will do.
    url: `http://localhost${url.startsWith('/') ? url : `/${url}`}`,
    headers: {
      get(name) {
        const value = incoming.headers[name];
        return Array.isArray(value) ? value.join(', ') : (value ?? null);
      },
    },
    body: { getReader: () => readerOf(incoming) },
    signal,
  };
}

/** Reads a body in pieces, each when it is requested. */
function readerOf(incoming: IncomingMessage): BodyReader {
  const parts: Uint8Array[] = [];
  let isAtEnd = false;
  let wake = () => {};
  const onData = (part: Uint8Array) => {
    parts.push(part);
    incoming.pause();
    wake();
  };
  const onEnd = () => {
    isAtEnd = true;
    wake();
  };
  const onClose = () => wake();
  incoming.on('data', onData);
  incoming.on('end', onEnd);
  incoming.on('close', onClose);
  return {
    async read() {
      while (parts.length === 0 && !isAtEnd) {
        if (incoming.destroyed) throw new Error('the connection was cut');
        incoming.resume();
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const value = parts.shift();
      return { done: value === undefined, value };
    },
    releaseLock() {
      incoming.off('data', onData);
      incoming.off('end', onEnd);
      incoming.off('close', onClose);
    },
  };
}

async function send(response: Response, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) {
    await response.body?.cancel();
    return;
  }
  // Discards the part of the body that the server did not read, so that the connection can be reused.
  outgoing.on('finish', () => incoming.resume());
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body && incoming.method !== 'HEAD') await pipe(response.body, outgoing);
  else await response.body?.cancel();
  if (!outgoing.destroyed) outgoing.end();
}

/** Writes a body no faster than the socket accepts it. */
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
