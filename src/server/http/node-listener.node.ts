/** The server as a listener of Node's `http`, and of what is built on it, such as Express. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BodyReader, IncomingRequest } from './incoming-request.ts';

export type RequestHandler = (request: IncomingRequest) => Promise<Response>;
export type NodeListener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/**
 * The request's signal is aborted when the connection is cut before the response has ended; then its body is cancelled, too. A body
 * is read no faster than the socket takes it.
 *
 * What parses bodies must stand behind it, not before.
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
    // Where the server stands does not matter to it; what comes before the path may be anything.
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

/** A body, piece by piece as it is asked for. */
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
  // What the server did not want to read is thrown away, so that the connection can go on.
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
